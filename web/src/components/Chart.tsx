import { Skeleton, Text, VisuallyHidden } from "@mantine/core";
import { useInViewport } from "@mantine/hooks";
import { Suspense, useRef } from "react";

import { t } from "../text/common.ts";
import { onDemand } from "./onDemand.tsx";
import type { Plotted } from "./Plot.tsx";

const Plot = onDemand(() => import("./Plot.tsx").then((file) => file.Plot), NoPlot);

function NoPlot() {
  return <Text size="sm">{t.problem.noChart}</Text>;
}

/**
 * Values over time. Drawn by uPlot, which is loaded when a chart is first scrolled to. Who cannot
 * see it is told the newest values.
 */
export function Chart(props: Plotted) {
  const { label, series, format, height = 180 } = props;
  const { ref, inViewport } = useInViewport();
  const seen = useRef(false);
  seen.current ||= inViewport;
  const newest = series.map(({ label, values }) => {
    const last = values.findLast((value) => value !== null);
    return `${label}: ${last === undefined || last === null ? "–" : format(last)}`;
  });
  return (
    <figure ref={ref} style={{ margin: 0 }} aria-label={label}>
      {seen.current ? (
        <Suspense fallback={<Skeleton height={height} />}>
          <Plot {...props} />
        </Suspense>
      ) : (
        <div style={{ height }} />
      )}
      <VisuallyHidden>{newest.join("; ")}</VisuallyHidden>
    </figure>
  );
}
