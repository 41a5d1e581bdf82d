/** The audit log: as it grows, what follows from what, and as a file; other lists as files too. */

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { after, before, test } from "node:test";

import type { Browser, Page } from "playwright-core";

import { type Api, expect, type Schemas } from "../src/api/client.ts";
import { auditText } from "../src/text/audit.ts";
import { t } from "../src/text/common.ts";
import { admin, created, device, gateway, Node, user } from "./harness/api.ts";
import { signIn, startBrowser, visiting } from "./harness/browser.ts";
import { startLine } from "./harness/line.ts";
import { open, settled } from "./harness/pages.ts";
import { ADMIN, type Server, startServer } from "./harness/server.ts";

let browser: Browser;
let server: Server;
let client: Api;

before(async () => {
  server = await startServer();
  browser = await startBrowser();
  client = await admin(server);
});

after(async () => {
  await browser?.close();
  await server?.stop();
});

const group = (name: string) => created(client.POST("/admin/groups", { body: { name } }));
const entries = (page: Page, what: string | RegExp) => page.getByRole("table").getByRole("button", { name: what });

test("what happens appears by itself, also after the connection was lost", async () => {
  const line = await startLine(server);
  try {
    await visiting(browser, line.server, async ({ page }) => {
      await signIn(page, ADMIN);
      await settled(page);
      await open(page, "/audit");
      await page.getByLabel("Live").check();
      const live = page.getByText("New entries appear by themselves.");
      await live.waitFor();
      await group("Came live");
      await entries(page, "“Came live” created").waitFor();

      line.cut();
      await page.getByText("Connecting…").waitFor();
      await group("Came meanwhile");
      line.mend();
      await live.waitFor();
      await entries(page, "“Came meanwhile” created").waitFor();

      // Paused, it only says how many wait.
      await page.getByRole("button", { name: "Pause" }).click();
      await group("Waits");
      await page.getByRole("button", { name: "Show 1 new entry" }).waitFor();
      assert.equal(await entries(page, "“Waits” created").count(), 0);
      await page.getByRole("button", { name: "Show 1 new entry" }).click();
      await entries(page, "“Waits” created").waitFor();
      const told = await entries(page, /^Group “.*” created/).allInnerTexts();
      const names = told.map((summary) => /“(.*)”/.exec(summary)?.[1]);
      assert.deepEqual(names, ["Waits", "Came meanwhile", "Came live"], "the newest first, none twice");
      // So early in the log all of it is on the page.
      const rows = await page.getByRole("status").filter({ hasText: /^1–/ }).innerText();
      const [, to, all] = /^1–(\d+) of (\d+)$/.exec(rows) ?? [];
      assert.equal(to, all, rows);
      assert.equal(Number(to), (await page.getByRole("row").count()) - 1);
    });
  } finally {
    await line.stop();
  }
});

test("a live log shows only what its filters let through", async () => {
  await visiting(browser, server, async ({ page }) => {
    await signIn(page, ADMIN);
    await settled(page);
    await open(page, "/audit?entity_type=group");
    await page.getByLabel("Live").check();
    await page.getByText("New entries appear by themselves.").waitFor();
    await user(client, "not-a-group");
    await group("After the user");
    await entries(page, "“After the user” created").waitFor();
    assert.equal(await entries(page, /not-a-group/).count(), 0);
  });
});

test("what followed from something else leads to it", async () => {
  await Node.join(server, client, await gateway(client, "fra-1", "100.96.0.0/24"));
  const id = await user(client, "vera");
  await device(client, id, "vera-laptop");
  await expect(client.DELETE("/admin/users/{id}", { params: { path: { id } } }));
  const query = { entity_type: "user" as const, entity_id: id, event_type: "user.deleted" as const };
  const { items } = await expect(client.GET("/admin/audit-logs", { params: { query } }));
  const [deletion] = items;
  assert.ok(deletion !== undefined);
  await visiting(browser, server, async ({ page }) => {
    await signIn(page, ADMIN);
    await settled(page);
    await open(page, "/audit?entity_type=device");
    await entries(page, /^Device revoked/).first().click();
    const drawer = page.getByRole("dialog");
    await drawer.getByText(`${auditText.cause}:`).waitFor();
    await drawer.getByRole("link", { name: auditText.causedBy(deletion.idx, deletion.summary), exact: true }).click();
    const cause = page.getByRole("dialog", { name: auditText.entry.title(deletion.idx) });
    await cause.getByText(deletion.summary, { exact: true }).first().waitFor();
    assert.equal(await cause.getByText(`${auditText.cause}:`).count(), 0, "nothing made the deletion necessary");
  });
});

test("a time is shown on the local clock, and in UTC to whoever points at it", async () => {
  await visiting(browser, server, async ({ page }) => {
    await signIn(page, ADMIN);
    await settled(page);
    await open(page, "/audit");
    const time = page.getByRole("table").locator("time").first();
    const at = new Date((await time.getAttribute("datetime")) ?? "");
    const written = (zone: string) => at.toLocaleString("sv-SE", { timeZone: zone });
    assert.equal(await time.innerText(), written("Europe/Berlin"));
    await time.hover();
    await page.getByRole("tooltip").getByText(t.time.utc(written("UTC")), { exact: true }).waitFor();
  });
});

/** The rows of a CSV file by their columns; nothing here has a line end within a field. */
function rows(csv: string): Record<string, string>[] {
  const cells = (line: string) =>
    [...line.matchAll(/(?:^|,)(?:"((?:[^"]|"")*)"|([^,]*))/g)].map(([, quoted, bare]) => quoted?.replaceAll('""', '"') ?? bare ?? "");
  const [head = "", ...lines] = csv.trim().split(/\r?\n/);
  const names = cells(head.replace(/^\uFEFF/, ""));
  return lines.map((line) => Object.fromEntries(cells(line).map((cell, n) => [names[n] ?? "", cell])));
}

async function saved(page: Page, press: () => Promise<void>): Promise<string> {
  const [download] = await Promise.all([page.waitForEvent("download"), press()]);
  return readFileSync(await download.path(), "utf8");
}

async function exported(page: Page, as: string): Promise<string> {
  await page.getByRole("button", { name: auditText.exporting.label, exact: true }).click();
  return saved(page, () => page.getByRole("menuitem", { name: as }).click());
}

test("the file holds what the filters leave, all pages of it", async () => {
  for (let n = 0; n < 30; n += 1) {
    await group(`Exported ${n}`);
  }
  await user(client, "not-exported");
  const query = { entity_type: "group" as const, event_type: "group.created" as const, page_size: 200 };
  const { items } = await expect(client.GET("/admin/audit-logs", { params: { query } }));
  const numbers = items.map(({ idx }) => idx).sort((a, b) => a - b);
  assert.ok(numbers.length >= 30);
  await visiting(browser, server, async ({ page }) => {
    await signIn(page, ADMIN);
    await settled(page);
    await open(page, "/audit?entity_type=group&event_type=group.created&page_size=25&page=2");
    const sorted = (list: { idx: unknown }[]) => list.map(({ idx }) => Number(idx)).sort((a, b) => a - b);

    const table = rows(await exported(page, "CSV, for spreadsheets"));
    assert.deepEqual(sorted(table as { idx: string }[][number][]), numbers);
    assert.ok(table.every((row) => row["event_type"] === "group.created"));
    const lines = (await exported(page, "NDJSON, for programs")).trim().split("\n");
    const parsed = lines.map((one) => JSON.parse(one) as Schemas["AuditEntry"]);
    assert.deepEqual(sorted(parsed), numbers);
    assert.ok(parsed.every(({ entity_type }) => entity_type === "group"));
  });
});

test("the file of a table holds what its filters leave, all pages of it", async () => {
  const names = Array.from({ length: 30 }, (_, n) => `tabled-${String(n).padStart(2, "0")}`);
  for (const name of [...names, "left-out"]) {
    await user(client, name);
  }
  await visiting(browser, server, async ({ page }) => {
    await signIn(page, ADMIN);
    await settled(page);
    await open(page, "/users?q=tabled-&page_size=25&page=2&sort=username");
    const table = rows(await saved(page, () => page.getByRole("button", { name: t.export }).click()));
    assert.deepEqual(table.map((row) => row["username"]), names);
    assert.ok(table.every((row) => row["role"] === "user" && row["status"] === "active"));
  });
});
