import { lazy, Suspense } from "react";

import { Skeleton, Text, VisuallyHidden } from "@mantine/core";

import { t } from "../text/common.ts";
import type { Plotted } from "./Plot.tsx";

/** After an upgrade the file of an open page's chart may be gone; the page itself stays. */
const Plot = lazy(async () => {
  const loaded = await import("./Plot.tsx").catch(() => undefined);
  return { default: loaded?.Plot ?? NoPlot };
});

function NoPlot() {
  return <Text size="sm">{t.problem.noChart}</Text>;
}

/**
 * Values over time. Drawn by uPlot, which is loaded when the first chart is shown. Who cannot see it
 * is told the newest values.
 */
export function Chart(props: Plotted) {
  const { label, series, format } = props;
  const newest = series.map(({ label, values }) => {
    const last = values.findLast((value) => value !== null);
    return `${label}: ${last === undefined || last === null ? "–" : format(last)}`;
  });
  return (
    <figure style={{ margin: 0 }} aria-label={label}>
      <Suspense fallback={<Skeleton height={props.height ?? 180} />}>
        <Plot {...props} />
      </Suspense>
      <VisuallyHidden>{newest.join("; ")}</VisuallyHidden>
    </figure>
  );
}
