/** Hundreds of groups against hundreds of destinations, still to be read. */

import assert from "node:assert/strict";
import { after, before, test } from "node:test";

import type { Browser } from "playwright-core";

import { accessText } from "../src/text/access.ts";
import { admin, created } from "./harness/api.ts";
import { signIn, startBrowser, visiting } from "./harness/browser.ts";
import { settled } from "./harness/pages.ts";
import { ADMIN, type Server, startServer } from "./harness/server.ts";

const GROUPS = 300;
const POLICIES = 200;

let browser: Browser;
let server: Server;

before(async () => {
  server = await startServer();
  browser = await startBrowser();
  const client = await admin(server);
  const groups: string[] = [];
  for (let n = 0; n < GROUPS; n += 1) {
    groups.push(await created(client.POST("/admin/groups", { body: { name: `Team ${String(n).padStart(3, "0")}` } })));
  }
  for (let n = 0; n < POLICIES; n += 1) {
    // Each is about a few groups, and all groups are in some.
    const about = [n, n + 100, (7 * n + 200) % GROUPS].map((at) => ({ type: "group" as const, id: groups[at] ?? "" }));
    const effect = n % 10 === 0 ? ("deny" as const) : ("allow" as const);
    const body = { name: `Network ${n}`, effect, priority: n, destinations: [`10.${n}.0.0/16`], targets: about };
    await created(client.POST("/admin/policies", { body }));
  }
});

after(async () => {
  await browser?.close();
  await server?.stop();
});

test("the matrix shows a part that can be read, and the way to the rest", async (t) => {
  await visiting(browser, server, async ({ page }) => {
    await signIn(page, ADMIN);
    await settled(page);
    const asked = performance.now();
    await page.goto("/access?tab=matrix");
    const matrix = page.getByRole("region", { name: "Users and groups against destinations" });
    await matrix.getByRole("rowheader", { name: /Team 000/ }).waitFor();
    t.diagnostic(`shown after ${Math.round(performance.now() - asked)} ms`);
    await page.getByText("Rows 1–25 of 300").waitFor();
    await page.getByText("Destinations 1–10 of 200").waitFor();

    // The heads stay in sight, wherever one has scrolled to.
    const slowest = await matrix.evaluate(async (place) => {
      let longest = 0;
      let before = performance.now();
      for (let step = 1; step <= 30; step += 1) {
        place.scrollTo(place.scrollWidth, (place.scrollHeight * step) / 30);
        const now = await new Promise<number>(requestAnimationFrame);
        longest = Math.max(longest, now - before);
        before = now;
      }
      return longest;
    });
    t.diagnostic(`slowest frame while scrolling: ${Math.round(slowest)} ms`);
    const frame = await matrix.boundingBox();
    const head = await matrix.getByRole("columnheader", { name: "10.9.0.0/16" }).boundingBox();
    const side = await matrix.getByRole("rowheader").last().boundingBox();
    assert.ok(frame !== null && head !== null && side !== null);
    assert.ok(Math.abs(head.y - frame.y) < 4, "the destinations are at the top");
    assert.ok(Math.abs(side.x - frame.x) < 4, "who it is about is at the left");

    await page.getByRole("button", { name: "Next rows" }).click();
    await page.getByText("Rows 26–50 of 300").waitFor();
    await page.getByRole("button", { name: "Next destinations" }).click();
    await page.getByText("Destinations 11–20 of 200").waitFor();

    // Of one team only what it has to do with is left, and of a network only who has to do with it.
    await page.getByRole("searchbox", { name: "Filter by name" }).fill("Team 207");
    await page.getByText("Rows 1–1 of 1").waitFor();
    await page.getByText("Destinations 1–2 of 2").waitFor();
    await matrix.getByRole("button", { name: "Team 207 to 10.107.0.0/16: Allow" }).waitFor();
    await page.getByRole("searchbox", { name: "Filter by name" }).fill("");
    await page.getByRole("searchbox", { name: "Filter by destination or policy" }).fill("10.107.");
    await page.getByText("Rows 1–3 of 3").waitFor();
    // Three rows, and these are they.
    for (const name of ["Team 049", "Team 107", "Team 207"]) {
      await matrix.getByRole("rowheader").getByRole("link", { name }).waitFor();
    }
    // More are called so than fit into one answer of the API.
    await page.getByRole("searchbox", { name: "Filter by destination or policy" }).fill("");
    await page.getByRole("searchbox", { name: "Filter by name" }).fill("Team");
    await page.getByText("Rows 1–25 of 300").waitFor();

    // More yet than are looked for: of this there is no telling whose rows are missing.
    const many = Array.from({ length: 200 }, (_, n) => ({ id: `device-${n}` }));
    await page.route(/admin\/devices\?.*q=Tea&/, (route) =>
      route.fulfill({ json: { items: many, total: 5_000, page_size: 200, next: "more" } }),
    );
    const capped = page.getByText(accessText.matrix.namesCapped(1_000));
    assert.equal(await capped.count(), 0);
    await page.getByRole("searchbox", { name: "Filter by name" }).fill("Tea");
    await capped.waitFor();
  });
});
