import { TextInput, type TextInputProps } from "@mantine/core";

import { t } from "../text/common.ts";
import { fromLocalInput, inUtc } from "./localTime.ts";

/** A time: typed on the clock of the local zone, and told in UTC, as the audit log keeps it. */
export function TimeField({
  value,
  note,
  empty,
  ...rest
}: Omit<TextInputProps, "value" | "type" | "description"> & {
  /** As `localTime.ts` has it for inputs. */
  value: string;
  /** What else there is to say about it. */
  note?: string | undefined;
  /** What is said where no time is typed. */
  empty?: string;
}) {
  const time = fromLocalInput(value);
  const { timeZone } = Intl.DateTimeFormat().resolvedOptions();
  const read = time === null ? (empty ?? t.time.zone(timeZone)) : inUtc(time);
  return (
    <TextInput
      step={value.length > 16 ? 1 : 60}
      inputWrapperOrder={["label", "input", "error", "description"]}
      {...rest}
      type="datetime-local"
      value={value}
      description={note === undefined ? read : `${note} ${read}`}
    />
  );
}
