import "uplot/dist/uPlot.min.css";

import { useComputedColorScheme } from "@mantine/core";
import { useElementSize } from "@mantine/hooks";
import { useEffect, useRef } from "react";
import uPlot from "uplot";

import { t } from "../text/common.ts";
import { clockAt } from "./localTime.ts";

export interface Plotted {
  /** What is shown. */
  label: string;
  /** In seconds since 1970, ascending. */
  times: readonly number[];
  /** As many values as times; null where nothing is known. */
  series: readonly { label: string; values: readonly (number | null)[] }[];
  /** A value with its unit. */
  format: (value: number) => string;
  /** In pixels. */
  height?: number;
}

/** Told apart by people with the usual kinds of colour blindness, on white and on black. */
const COLORS = { light: ["#0b7285", "#c2410c", "#6d28d9", "#4d7c0f"], dark: ["#53b8c9", "#fb923c", "#b197fc", "#a9e34b"] };

const DAY = 86_400;

/** A mark of the time axis, whose marks are so many seconds apart. */
function clock(at: number, step: number): string {
  const clock = clockAt(at);
  return step < 60 ? clock.slice(11, 19) : step < DAY ? clock.slice(11, 16) : clock.slice(5, 10);
}

export function Plot({ times, series, format, height = 180 }: Plotted) {
  const { ref, width } = useElementSize();
  const scheme = useComputedColorScheme("light");
  const place = useRef<HTMLDivElement>(null);
  useEffect(() => {
    if (place.current === null || width === 0) {
      return undefined;
    }
    const ink = scheme === "dark" ? "#a0a7ae" : "#5c6670";
    const grid = { stroke: scheme === "dark" ? "#383d42" : "#e3e7ea", width: 1 };
    const options: uPlot.Options = {
      width,
      height,
      legend: { live: true },
      cursor: { drag: { x: false, y: false } },
      // From nothing on: half as high is half as much.
      scales: { y: { range: (_, _least, most) => [0, most > 0 ? most * 1.1 : 1] } },
      axes: [
        {
          stroke: ink,
          grid,
          values: (_, ticks, _axis, _space, step) => ticks.map((at) => clock(at, step)),
        },
        { stroke: ink, grid, size: 92, values: (_, ticks) => ticks.map(format) },
      ],
      series: [
        { label: t.time.label, value: (_, at) => (at === null ? "–" : clockAt(at).slice(0, 16).replace("T", " ")) },
        ...series.map(({ label }, n) => {
          const stroke = COLORS[scheme][n % COLORS[scheme].length] ?? ink;
          return {
            label,
            stroke,
            width: 2,
            fill: `${stroke}22`,
            value: (_: uPlot, value: number | null) => (value === null ? "–" : format(value)),
          };
        }),
      ],
    };
    const data = [[...times], ...series.map(({ values }) => [...values])] as uPlot.AlignedData;
    const plot = new uPlot(options, data, place.current);
    return () => plot.destroy();
  }, [times, series, format, height, width, scheme]);
  return (
    <div ref={ref} aria-hidden>
      <div ref={place} style={{ minHeight: height }} />
    </div>
  );
}
