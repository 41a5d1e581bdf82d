import { expect, it } from "vitest";

import type { Schemas } from "../../api/client.ts";
import { type Answer, seriesOf } from "./metrics.ts";

const START = Date.parse("2026-03-01T10:00:00Z") / 1000;

function point(minute: number, rx: number): Schemas["HostPoint"] {
  const used = { total_bytes: 100, used_avg_bytes: 40, used_max_bytes: 50 };
  return {
    at: new Date((START + minute * 60) * 1000).toISOString(),
    cpu: null,
    disk: used,
    memory: used,
    interfaces: [
      { name: "wg0", rx_bytes: rx, tx_bytes: 0, rx_packets: 0, tx_packets: 0, rx_errors: 0, tx_errors: 0 },
    ],
    restarts: 0,
    samples: 1,
    uptime_s: 1,
  };
}

function over(minutes: number, points: Schemas["HostPoint"][]): Answer {
  const time = (minute: number) => new Date((START + minute * 60) * 1000).toISOString();
  return { from: time(0), to: time(minutes), step: 60, points };
}

it("is a rate in each step", () => {
  const series = seriesOf(over(1, [point(0, 6_000), point(1, 600)]));
  expect(series.times).toEqual([START, START + 60]);
  expect(series.interfaces.get("wg0")?.rx).toEqual([100, 10]);
  // Nothing is known of the CPU: that is no idle one.
  expect(series.busy).toEqual([null, null]);
});

it("reaches from the beginning of the range to its end", () => {
  const series = seriesOf(over(60, [point(58, 60)]));
  expect(series.times).toEqual([START, START + 58 * 60, START + 60 * 60]);
  expect(series.memory).toEqual([null, 40, null]);
});

it("draws no line across a time of which nothing is known", () => {
  const series = seriesOf(over(9, [point(0, 60), point(2, 60), point(9, 60)]));
  expect(series.times).toEqual([START, START + 120, START + 180, START + 540]);
  expect(series.memory).toEqual([40, 40, null, 40]);
});
