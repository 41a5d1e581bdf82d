/** What takes a gateway a while: a drain and the rotation of its key, from their start to their end. */

import assert from "node:assert/strict";
import { after, before, test } from "node:test";

import type { Browser, Page } from "playwright-core";

import { type Api, expect } from "../src/api/client.ts";
import { admin, device, gateway, Node, user } from "./harness/api.ts";
import { signIn, startBrowser, visiting } from "./harness/browser.ts";
import { type Gateway, startGateway } from "./harness/gateway.ts";
import { open, settled } from "./harness/pages.ts";
import { ADMIN, type Server, startServer, until } from "./harness/server.ts";

let browser: Browser;
let server: Server;
let client: Api;
let owner: string;
let agent: Gateway | undefined;

before(async () => {
  server = await startServer();
  browser = await startBrowser();
  client = await admin(server);
  owner = await user(client, "gwen");
});

after(async () => {
  await agent?.stop();
  await browser?.close();
  await server?.stop();
});

const read = async (id: string) => expect(client.GET("/admin/gateways/{id}", { params: { path: { id } } }));

/** Presses a button of the page, and the same in the dialog that asks about it. */
async function confirmed(page: Page, name: string, says: string | RegExp): Promise<void> {
  await page.getByRole("main").getByRole("button", { name, exact: true }).click();
  const dialog = page.getByRole("dialog");
  await dialog.getByText(says).waitFor();
  await dialog.getByRole("button", { name, exact: true }).click();
  await dialog.waitFor({ state: "detached" });
}

test("a drain says who is left, goes on where it was stuck, and is ended", async () => {
  const id = await gateway(client, "fra-1", "100.96.0.0/24");
  const params = { params: { path: { id } } };
  const answer = await expect(client.POST("/admin/gateways/{id}/join-token", params));
  assert.ok("token" in answer);
  agent = await startGateway(server, answer.token);
  for (const name of ["gwen-laptop", "gwen-phone"]) {
    await device(client, owner, name, { gateway_id: id });
  }
  await until("the node has its bundle", async () => (await read(id)).convergence.status === "in_sync");
  await until("the node has its peers", async () => agent?.peers().length === 2);
  await visiting(browser, server, async ({ page }) => {
    await signIn(page, ADMIN);
    await settled(page);
    await open(page, `/gateways/${id}?tab=drain`);
    await confirmed(page, "Start the drain", /2 devices are moved/);
    // There is no other gateway yet.
    await page.getByText("The devices cannot be moved:").waitFor();
    await page.getByText("2 devices are still to be moved.").waitFor();
    const left = page.getByRole("table", { name: "Devices that are still to be moved" });
    await left.getByRole("link", { name: "gwen-laptop" }).waitFor();
    await left.getByRole("link", { name: "gwen-phone" }).waitFor();

    const other = await gateway(client, "ams-1", "100.97.0.0/24");
    await Node.join(server, client, other);
    await page.getByRole("textbox", { name: "Move the devices to" }).or(page.getByRole("combobox", { name: "Move the devices to" })).last().fill("ams");
    await page.getByRole("option", { name: "ams-1" }).click();
    await confirmed(page, "Go on with this target", /moved to ams-1/);
    await page.getByText("No device is left.").waitFor();
    await left.waitFor({ state: "detached" });
    await until("the node has no peer any more", async () => agent?.peers().length === 0);
    assert.equal((await read(other)).device_count, 2);

    await confirmed(page, "End the drain", /may have devices again/);
    await page.getByRole("button", { name: "Start the drain" }).waitFor();
    assert.equal((await read(id)).drain ?? null, null);
  });
});

test("the rotation of a key is followed, moved, called off and switched", async () => {
  const id = await gateway(client, "nyc-1", "100.98.0.0/24");
  const node = await Node.join(server, client, id);
  await node.apply();
  await device(client, owner, "gwen-tablet", { gateway_id: id });
  await visiting(browser, server, async ({ page }) => {
    await signIn(page, ADMIN);
    await settled(page);
    await open(page, `/gateways/${id}?tab=rotation`);
    await confirmed(page, "Start the rotation", /comes into force/);
    await page.getByText("The node has not announced its next key yet.").waitFor();
    await confirmed(page, "Call it off", /The key in force stays/);
    await page.getByRole("button", { name: "Start the rotation" }).waitFor();

    await confirmed(page, "Start the rotation", /comes into force/);
    await node.announce(2);
    await page.getByText("1 device has not fetched it.").waitFor();
    const key = (await read(id)).key_rotation?.next_gateway_key ?? "";
    await page.getByText(key).waitFor();
    const late = page.getByRole("table", { name: "Devices that have not fetched it" });
    await late.getByRole("link", { name: "gwen-tablet" }).waitFor();

    const change = page.getByRole("main").getByRole("button", { name: "Change the time" });
    await page.getByLabel("Switch at").fill("2099-01-01T00:00");
    await change.click();
    await page.getByText("Choose a time in the future, within a year.").waitFor();
    const day = new Date(Date.now() + 30 * 86_400_000).toISOString().slice(0, 10);
    await page.getByLabel("Switch at").fill(`${day}T07:08`);
    await confirmed(page, "Change the time", new RegExp(`${day} 07:08`));
    await page.getByText(new RegExp(`^The next key comes into force at ${day} 07:08`)).waitFor();

    await confirmed(page, "Switch now", /1 device has not fetched the key/);
    await page.getByText("The new key is in force.").waitFor();
    assert.equal((await read(id)).public_key, key);
    await late.getByRole("link", { name: "gwen-tablet" }).waitFor();
  });
});

test("a deleted gateway is said to be gone, and its history stays", async () => {
  const id = await gateway(client, "old-1", "100.99.0.0/24");
  await visiting(browser, server, async ({ page }) => {
    await signIn(page, ADMIN);
    await settled(page);
    await open(page, `/gateways/${id}`);
    await expect(client.DELETE("/admin/gateways/{id}", { params: { path: { id } } }));
    // Somebody who looks at it at that moment is told, too.
    await page.getByRole("heading", { name: "This gateway was deleted" }).waitFor();
    await open(page, `/gateways/${id}`);
    await page.getByRole("heading", { name: "This gateway was deleted" }).waitFor();
    await page.getByRole("list", { name: "What happened to it" }).or(page.getByLabel("What happened to it")).first().getByText(/deleted/).first().waitFor();
  });
});
