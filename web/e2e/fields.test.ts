/** Fields that say what is wrong with what stands in them. */

import assert from "node:assert/strict";
import { after, before, test } from "node:test";

import type { Browser, Page } from "playwright-core";

import { type Api, expect } from "../src/api/client.ts";
import { accessText } from "../src/text/access.ts";
import { t } from "../src/text/common.ts";
import { devicesText } from "../src/text/devices.ts";
import { gatewaysText } from "../src/text/gateways.ts";
import { admin, device, gateway, Node, user } from "./harness/api.ts";
import { signIn, startBrowser, visiting } from "./harness/browser.ts";
import { open, settled } from "./harness/pages.ts";
import { ADMIN, type Server, startServer } from "./harness/server.ts";

let browser: Browser;
let server: Server;
let client: Api;
let node: string;
let laptop: string;

before(async () => {
  server = await startServer();
  browser = await startBrowser();
  client = await admin(server);
  node = await gateway(client, "fra-1", "100.96.0.0/20");
  await Node.join(server, client, node);
  laptop = await device(client, await user(client, "zoe"), "zoe-laptop");
});

after(async () => {
  await browser?.close();
  await server?.stop();
});

/** Signed in as the admin. */
const by = (act: (page: Page) => Promise<void>) =>
  visiting(browser, server, async ({ page }) => {
    await signIn(page, ADMIN);
    await settled(page);
    await act(page);
  });

test("a moment that the server refuses is said beside it, and where the answer would be", async () => {
  await by(async (page) => {
    const packet = "destination=172.16.10.5&protocol=tcp&port=443";
    const exact = page.getByLabel(accessText.when.exact);
    const refused = { params: { query: { device: laptop, at: "99999999" } } };
    const answer = await client.GET("/admin/access", refused);
    const sentence = answer.error?.error.details?.find(({ field }) => field === "at")?.message ?? "";
    assert.notEqual(sentence, "");
    for (const query of [`device=${laptop}&${packet}`, `tab=who&${packet}`]) {
      await open(page, `/access?${query}&at=99999999`);
      await page.getByText(sentence).waitFor();
      assert.equal(await exact.getAttribute("aria-invalid"), "true");
    }
    // What has no packet is asked elsewhere.
    for (const query of [`device=${laptop}`, "tab=matrix"]) {
      await open(page, `/access?${query}&at=99999999`);
      await page.getByRole("alert").getByText(sentence).waitFor();
    }
    // A clock that is ahead of the server's.
    await open(page, `/access?device=${laptop}&${packet}&at=2999-01-01T00:00:00Z`);
    await page.getByText(/\S/).and(page.locator("[id$=-error]")).waitFor();
    assert.equal(await exact.getAttribute("aria-invalid"), "true");
    await page.getByRole("button", { name: accessText.when.toNow }).click();
    await page.getByText(accessText.denied, { exact: true }).waitFor();
  });
});

test("a number or an address that has to be there is not taken away silently", async () => {
  await by(async (page) => {
    const { form } = gatewaysText;
    const dialog = page.getByRole("dialog");
    await open(page, `/gateways/${node}`);
    await page.getByRole("button", { name: t.edit, exact: true }).click();
    await dialog.getByRole("button", { name: form.more }).click();
    for (const label of [form.mtu, form.port, form.keepalive, form.stale]) {
      const field = dialog.getByLabel(label, { exact: true });
      const before = await field.inputValue();
      await field.fill("");
      await dialog.getByRole("button", { name: t.save }).click();
      await dialog.getByText(form.needed).waitFor();
      assert.equal(await field.getAttribute("aria-invalid"), "true", label);
      await field.fill(before);
    }
    await dialog.getByLabel(form.mtu).fill("1380");
    await dialog.getByRole("button", { name: t.save }).click();
    await dialog.waitFor({ state: "detached" });
    const { mtu } = await expect(client.GET("/admin/gateways/{id}", { params: { path: { id: node } } }));
    assert.equal(mtu, 1380);

    const { edit, enrol } = devicesText;
    await open(page, `/devices/${laptop}`);
    await page.getByRole("button", { name: t.edit, exact: true }).click();
    const address = dialog.getByLabel(edit.address);
    const before = await address.inputValue();
    await address.fill("");
    await dialog.getByRole("button", { name: t.save }).click();
    await dialog.getByText(enrol.needed).waitFor();
    assert.equal(await address.getAttribute("aria-invalid"), "true");
    await address.fill(before);
    await dialog.getByRole("button", { name: t.save }).click();
    await dialog.waitFor({ state: "detached" });
  });
});
