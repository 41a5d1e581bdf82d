/** The overview: how many there are, what needs attention and where that leads, traffic, and what happens. */

import assert from "node:assert/strict";
import { after, before, test } from "node:test";

import type { Browser, Page } from "playwright-core";

import { type Api, expect } from "../src/api/client.ts";
import { homeText } from "../src/text/home.ts";
import { admin, created, device, gateway, Node, signedIn, user } from "./harness/api.ts";
import { signIn, startBrowser, visiting } from "./harness/browser.ts";
import { host } from "./harness/company.ts";
import { settled } from "./harness/pages.ts";
import { ADMIN, PASSWORD, type Server, startServer } from "./harness/server.ts";
import { withTraffic } from "./harness/traffic.ts";

const DAY = 86_400_000;
const inDays = (days: number) => new Date(Date.now() + days * DAY).toISOString();
const at = (id: string) => ({ params: { path: { id } } });
const panel = (page: Page, title: string) =>
  page.locator("section").filter({ has: page.getByRole("heading", { name: title, exact: true }) });

let browser: Browser;
let server: Server;
let client: Api;
/** Where each concern leads, by what is said of it. */
let concerns: Record<string, string>;

before(async () => {
  server = await startServer();
  browser = await startBrowser();
  client = await admin(server);
  const [fra, ams, nyc] = [
    await gateway(client, "fra-1", "100.96.0.0/24"),
    await gateway(client, "ams-1", "100.97.0.0/24"),
    await gateway(client, "nyc-1", "100.98.0.0/24"),
  ];
  const [whole, stuck] = [await Node.join(server, client, fra), await Node.join(server, client, nyc)];
  const owner = await user(client, "hedi", { password: PASSWORD, must_change_password: false });
  const onFra = (name: string) => device(client, owner, name, { gateway_id: fra });
  const [laptop, ending, ended] = [await onFra("hedi-laptop"), await onFra("hedi-phone"), await onFra("hedi-watch")];
  await expect(client.PATCH("/admin/devices/{id}", { ...at(ending), body: { expires_at: inDays(3) } }));
  await expect(client.PATCH("/admin/devices/{id}", { ...at(ended), body: { expires_at: inDays(-1) } }));
  const body = { name: "Visitors", effect: "allow" as const, destinations: ["172.16.20.0/24"], valid_until: inDays(2) };
  const policy = await created(client.POST("/admin/policies", { body }));
  await assert.rejects(signedIn(server, "hedi", "a wrong password"));

  await stuck.apply();
  await stuck.apply({ applied: null, rejected: { reason: "no room", reason_code: "apply_failed" } });
  const { public_key } = await expect(client.GET("/admin/devices/{id}", at(laptop)));
  const peer = { public_key, latest_handshake: Math.floor(Date.now() / 1000), rx_bytes: 1_000, tx_bytes: 2_000 };
  await whole.apply({ host: host(10, 0.4), peers: [peer] });
  const { gateway: gateways, expires, policyEnds, expired } = homeText.attention;
  concerns = {
    [gateways["rejecting"]?.("nyc-1") ?? ""]: `/gateways/${nyc}`,
    [gateways["never_joined"]?.("ams-1") ?? ""]: `/gateways/${ams}`,
    [expires("hedi-phone")]: `/devices/${ending}`,
    [policyEnds("Visitors")]: `/policies/${policy}`,
    [expired(1)]: "/devices?status=expired",
  };
});

after(async () => {
  await browser?.close();
  await server?.stop();
});

test("the overview says how everything is, and leads to what needs attention", async () => {
  await visiting(browser, server, async ({ page }) => {
    await withTraffic(page);
    await signIn(page, ADMIN);
    await settled(page);
    const { tiles, attention, traffic } = homeText;
    const said = (await page.getByRole("region", { name: tiles.label }).innerText()).split(/\n+/);
    assert.deepEqual(said, [
      tiles.gateways, tiles.ofAll(1, 3),
      tiles.online, "1", tiles.seen("1"),
      tiles.devices, "2",
      tiles.users, "2",
      tiles.policies, "1",
    ]);

    const links = panel(page, attention.title).getByRole("link");
    const found = await links.evaluateAll((all) => all.map((one) => [one.textContent, one.getAttribute("href")] as const));
    const failures = found.find(([text]) => text?.includes("failed sign-ins"));
    assert.match(failures?.[1] ?? "", /^\/audit\?status=failure&from=/);
    assert.deepEqual(Object.fromEntries(found.filter((one) => one !== failures)), concerns);

    const chart = panel(page, traffic.title).getByRole("figure", { name: traffic.title });
    await chart.scrollIntoViewIfNeeded();
    await chart.locator("canvas").waitFor();
    // In the last minute 1.8 MB and 540 kB.
    const newest = await chart.innerText();
    assert.ok(newest.includes("From devices: 240 kbit/s; To devices: 72.0 kbit/s"), newest);

    await links.filter({ hasText: "failed sign-ins" }).click();
    await page.getByRole("table").getByRole("button", { name: /^Login failed/ }).first().waitFor();
  });
});

test("what happens appears on the overview by itself", async () => {
  await visiting(browser, server, async ({ page }) => {
    await signIn(page, ADMIN);
    const latest = panel(page, homeText.latest.title);
    await latest.getByText(homeText.latest.live).waitFor();
    await created(client.POST("/admin/groups", { body: { name: "Came live" } }));
    const newest = latest.getByRole("link", { name: /“Came live” created/ });
    await newest.waitFor();
    await newest.click();
    await page.getByRole("dialog").getByText(/“Came live” created/).first().waitFor();
  });
});
