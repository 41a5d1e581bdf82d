import { Slider } from "@mantine/core";

import { local } from "../../components/localTime.ts";
import { accessText } from "../../text/access.ts";

/** So many positions the slider has. */
const STEPS = 1_000;
/** Between two moments that the slider can be put to there is at least this, in milliseconds. */
const LEAST = 1_000;

function said(moment: number): string {
  return local(new Date(moment).toISOString());
}

/** A moment of the past, in milliseconds since 1970: from the log's first event until the page was opened. */
export function PastSlider({
  begin,
  end,
  value,
  onChange,
  onChangeEnd,
}: {
  /** None while it is not known, or where nothing happened before the end. */
  begin: number | undefined;
  end: number;
  value: number;
  onChange: (value: number) => void;
  onChangeEnd: (value: number) => void;
}) {
  return (
    <Slider
      thumbLabel={accessText.when.slider}
      disabled={begin === undefined}
      min={begin ?? 0}
      max={end}
      step={begin === undefined ? 1 : Math.max((end - begin) / STEPS, LEAST)}
      value={value}
      label={said}
      thumbValueText={said}
      onChange={onChange}
      onChangeEnd={onChangeEnd}
    />
  );
}
