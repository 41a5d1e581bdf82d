/** Traffic over time, which charts draw: the nodes of tests have only just begun to report. */

import type { Page } from "playwright-core";

import type { Schemas } from "../../src/api/client.ts";

/** Whichever gateway has reported something has done so all the time that is asked about, more each time. */
export async function withTraffic(page: Page): Promise<void> {
  await page.route("**/admin/gateways/*/metrics?*", async (route) => {
    const answer = await route.fetch();
    const told: Schemas["HostMetricsAnswer"] = await answer.json();
    const [some] = told.points;
    if (some === undefined) {
      return route.fulfill({ response: answer });
    }
    const counted = { rx_errors: 0, tx_errors: 0, rx_packets: 0, tx_packets: 0 };
    const [begin, end] = [Date.parse(told.from), Date.parse(told.to)];
    const points = Array.from({ length: Math.floor((end - begin) / 1000 / told.step) }, (_, n) => ({
      ...some,
      at: new Date(begin + n * told.step * 1000).toISOString(),
      interfaces: [{ name: "wg0", rx_bytes: n * 10_000, tx_bytes: n * 3_000, ...counted }],
    }));
    return route.fulfill({ response: answer, json: { ...told, points } });
  });
}
