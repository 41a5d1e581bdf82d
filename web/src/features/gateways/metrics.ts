/** What charts show of a host's metrics. */

import type { Schemas } from "../../api/client.ts";

type Point = Schemas["HostPoint"];
export type Answer = Pick<Schemas["HostMetricsAnswer"], "from" | "points" | "step" | "to">;

/** How far back a chart reaches, in seconds, and how long its steps are. */
export const RANGES = {
  hour: { span: 3_600, step: 60 },
  six: { span: 6 * 3_600, step: 120 },
  day: { span: 86_400, step: 600 },
  week: { span: 7 * 86_400, step: 3_600 },
  month: { span: 30 * 86_400, step: 4 * 3_600 },
} as const;

export type Range = keyof typeof RANGES;

export interface Series {
  /** In seconds since 1970. */
  readonly times: readonly number[];
  readonly busy: readonly (number | null)[];
  readonly busyMax: readonly (number | null)[];
  readonly memory: readonly (number | null)[];
  readonly disk: readonly (number | null)[];
  /** Bytes of each second, by the interface's name. */
  readonly interfaces: ReadonlyMap<string, { rx: readonly (number | null)[]; tx: readonly (number | null)[] }>;
}

/**
 * Steps without a sample are left out by the API: a gap that is no line across has a point without
 * values. So do the ends of the range, for the axis to show all of it.
 */
function withGaps({ from, points, step, to }: Answer): (Point | number)[] {
  const [begin, end] = [Date.parse(from) / 1000, Date.parse(to) / 1000];
  const all: (Point | number)[] = [];
  let last: number | undefined;
  for (const point of points) {
    const at = Date.parse(point.at) / 1000;
    if (last === undefined && at > begin) {
      all.push(begin);
    } else if (last !== undefined && at - last > 2 * step) {
      all.push(last + step);
    }
    all.push(point);
    last = at;
  }
  if (last !== undefined && last < end) {
    all.push(end);
  }
  return all;
}

export function seriesOf(answer: Answer): Series {
  const { points, step } = answer;
  const all = withGaps(answer);
  const pick = (value: (point: Point) => number | null | undefined) =>
    all.map((one) => (typeof one === "number" ? null : (value(one) ?? null)));
  const names = new Set(points.flatMap((point) => point.interfaces.map(({ name }) => name)));
  const each = (name: string, field: "rx_bytes" | "tx_bytes") =>
    pick((point) => {
      const found = point.interfaces.find((one) => one.name === name);
      return found === undefined ? null : found[field] / step;
    });
  return {
    times: all.map((one) => (typeof one === "number" ? one : Date.parse(one.at) / 1000)),
    busy: pick((point) => point.cpu?.busy_avg),
    busyMax: pick((point) => point.cpu?.busy_max),
    memory: pick((point) => point.memory.used_avg_bytes),
    disk: pick((point) => point.disk.used_avg_bytes),
    interfaces: new Map(
      [...names].sort().map((name) => [name, { rx: each(name, "rx_bytes"), tx: each(name, "tx_bytes") }]),
    ),
  };
}
