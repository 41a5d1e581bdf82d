/**
 * Measures how the pages load, and prints a table:
 *
 *     npm run measure [-- --rows 100000]
 *
 * What the first load transfers and how long it takes, with a processor slowed down four times and
 * a connection of 10 Mbit/s and 40 ms; then tables with so many users, and entries of the audit log,
 * behind them. Figures are of this machine; what is bounded is said beside them.
 */

import { parseArgs } from "node:util";

import type { CDPSession, Page } from "playwright-core";

import { signIn, startBrowser, visit } from "../e2e/harness/browser.ts";
import { company } from "../e2e/harness/company.ts";
import { settled } from "../e2e/harness/pages.ts";
import { ADMIN, startServer } from "../e2e/harness/server.ts";
import { withTraffic } from "../e2e/harness/traffic.ts";
import { expect } from "../src/api/client.ts";

const { values } = parseArgs({ options: { rows: { type: "string", default: "0" } } });
const rows = Number(values.rows);
/** Of gzipped script, in bytes: the bound. */
const BUDGET = 250_000;
/** Until a table has its rows, in milliseconds, on any machine. */
const PATIENCE = 3_000;

interface Load {
  script: number;
  lcp: number;
  blocked: number;
}

/** Loads a page as on a slow laptop far away. */
async function load(page: Page, session: CDPSession, path: string): Promise<Load> {
  const scripts = new Map<string, number>();
  const kinds = new Map<string, string>();
  session.on("Network.responseReceived", ({ requestId, type }) => kinds.set(requestId, type));
  session.on("Network.loadingFinished", ({ requestId, encodedDataLength }) => {
    if (kinds.get(requestId) === "Script") {
      scripts.set(requestId, encodedDataLength);
    }
  });
  await session.send("Network.enable");
  await session.send("Network.setCacheDisabled", { cacheDisabled: true });
  await session.send("Network.setExtraHTTPHeaders", { headers: { "accept-encoding": "gzip" } });
  await session.send("Network.emulateNetworkConditions", {
    offline: false,
    latency: 40,
    downloadThroughput: 1_250_000,
    uploadThroughput: 1_250_000,
  });
  await session.send("Emulation.setCPUThrottlingRate", { rate: 4 });
  await page.addInitScript(() => {
    const seen = { lcp: 0, blocked: 0 };
    Object.assign(globalThis, { seen });
    new PerformanceObserver((list) => {
      seen.lcp = list.getEntries().at(-1)?.startTime ?? seen.lcp;
    }).observe({ type: "largest-contentful-paint", buffered: true });
    new PerformanceObserver((list) => {
      for (const { duration } of list.getEntries()) {
        seen.blocked += Math.max(duration - 50, 0);
      }
    }).observe({ type: "longtask", buffered: true });
  });
  await page.goto(path);
  await page.locator("#content h1, main h1").first().waitFor();
  // Not until the network rests: the live log goes on.
  await settled(page);
  if (path === "/") {
    await page.locator("canvas").waitFor();
  }
  const seen = await page.evaluate(() => (globalThis as unknown as { seen: Omit<Load, "script"> }).seen);
  return { ...seen, script: [...scripts.values()].reduce((a, b) => a + b, 0) };
}

const server = await startServer();
const browser = await startBrowser();
let over = false;
const slow: string[] = [];
try {
  const firm = await company(server);
  console.log(`${"page".padEnd(12)} ${"script, kB".padStart(11)} ${"LCP, ms".padStart(9)} ${"blocked, ms".padStart(12)}`);
  for (const path of ["/", "/users", "/policies", "/access", "/audit"]) {
    const guest = await visit(browser, server);
    await signIn(guest.page, ADMIN);
    await settled(guest.page);
    const page = await guest.context.newPage();
    await withTraffic(page);
    const { script, lcp, blocked } = await load(page, await guest.context.newCDPSession(page), path);
    over ||= script > BUDGET;
    const cells = [(script / 1000).toFixed(1).padStart(11), lcp.toFixed(0).padStart(9), blocked.toFixed(0).padStart(12)];
    console.log(`${path.padEnd(12)} ${cells.join(" ")}`);
    await guest.context.close();
  }
  if (rows > 0) {
    const MOST = 5_000;
    for (let done = 0; done < rows; done += MOST) {
      const body = Array.from({ length: Math.min(MOST, rows - done) }, (_, n) => {
        const number = String(done + n).padStart(6, "0");
        return { username: `person-${number}`, display_name: `Person ${number}` };
      });
      await expect(firm.admin.POST("/admin/users/import", { body }));
    }
    const guest = await visit(browser, server);
    await signIn(guest.page, ADMIN);
    await settled(guest.page);
    // Each of them is an entry of the audit log, too.
    console.log(`\ntables of ${rows} rows`.padEnd(40), "ms");
    for (const [what, path] of [
      ["users", "/users"],
      ["users by name, descending", "/users?sort=-display_name"],
      ["users, page 100", "/users?page=100"],
      ["users, search", "/users?q=person-0042"],
      ["audit log", "/audit"],
      ["audit log, the oldest first", "/audit?sort=idx"],
      ["audit log, page 100", "/audit?page=100"],
      ["audit log, one kind of event", "/audit?event_type=policy.created"],
      ["audit log, search", "/audit?q=person-0042"],
    ] as const) {
      const began = performance.now();
      await guest.page.goto(path);
      await guest.page.locator("tbody :is(a, button)").first().waitFor();
      const took = performance.now() - began;
      console.log(what.padEnd(39), took.toFixed(0));
      if (took > PATIENCE) {
        slow.push(what);
      }
    }
    await guest.context.close();
  }
} finally {
  await browser.close();
  await server.stop();
}
if (over) {
  console.error(`a page loads more than ${BUDGET / 1000} kB of gzipped script`);
  process.exitCode = 1;
}
if (slow.length > 0) {
  console.error(`without rows for more than ${PATIENCE} ms: ${slow.join(", ")}`);
  process.exitCode = 1;
}
