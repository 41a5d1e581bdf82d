/** What people do by themselves with what is their own: devices, sessions, the password. */

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { after, before, test } from "node:test";

import type { Browser } from "playwright-core";

import { type Api, expect } from "../src/api/client.ts";
import { admin, device, gateway, Node, signedIn, user } from "./harness/api.ts";
import { signIn, startBrowser, type Visit, visit, visiting } from "./harness/browser.ts";
import { open, settled } from "./harness/pages.ts";
import { PASSWORD, type Server, startServer, until } from "./harness/server.ts";

let browser: Browser;
let server: Server;
let client: Api;

before(async () => {
  server = await startServer();
  browser = await startBrowser();
  client = await admin(server);
  const id = await gateway(client, "fra-1", "100.96.0.0/20");
  await Node.join(server, client, id);
});

after(async () => {
  await browser?.close();
  await server?.stop();
});

const somebody = (name: string) => user(client, name, { password: PASSWORD, must_change_password: false });

async function as(username: string, path: string): Promise<Visit> {
  const guest = await visit(browser, server);
  await signIn(guest.page, username);
  await settled(guest.page);
  await open(guest.page, path);
  return guest;
}

test("people add a device of their own, and keep its file", async () => {
  const id = await somebody("nele");
  await visiting(browser, server, async ({ page }) => {
    await signIn(page, "nele");
    await page.getByRole("heading", { name: "Connect your first device" }).waitFor();
    await page.getByRole("button", { name: "Add device" }).click();
    const form = page.getByRole("dialog", { name: "Add device" });
    await form.getByRole("textbox", { name: "Name" }).fill("Nele’s phone");
    await form.getByRole("button", { name: "Add device" }).click();
    const ready = page.getByRole("dialog", { name: "The device is ready" });
    await ready.getByRole("img", { name: "QR code of the profile" }).waitFor();
    const [download] = await Promise.all([
      page.waitForEvent("download"),
      ready.getByRole("button", { name: "Download the file" }).click(),
    ]);
    assert.match(download.suggestedFilename(), /^[a-zA-Z0-9_=+.-]{1,15}\.conf$/, "a name that WireGuard takes");
    const profile = readFileSync(await download.path(), "utf8");
    assert.match(profile, /^PrivateKey = [A-Za-z0-9+/]{43}=$/m);
    assert.match(profile, /^Endpoint = fra-1\.example\.com:51820$/m);
    await ready.getByRole("button", { name: "I have kept it" }).click();
    const card = page.getByRole("list", { name: "My devices" }).getByRole("listitem");
    await card.getByRole("heading", { name: "Nele’s phone", exact: true }).waitFor();
    const { items } = await expect(client.GET("/admin/devices", { params: { query: { user: id } } }));
    assert.deepEqual(items.map(({ name, platform }) => [name, platform]), [["Nele’s phone", "ios"]]);

    // What the card shows later has everything but the key.
    await card.getByRole("button", { name: /^Settings and what it reaches/ }).click();
    const settings = page.getByRole("dialog", { name: "Nele’s phone" });
    const [again] = await Promise.all([
      page.waitForEvent("download"),
      settings.getByRole("button", { name: "Download the file" }).click(),
    ]);
    const later = readFileSync(await again.path(), "utf8");
    assert.match(later, /^Endpoint = fra-1\.example\.com:51820$/m);
    assert.doesNotMatch(later, /^PrivateKey/m);
  });
});

test("people look after their own devices", async () => {
  const id = await somebody("otto");
  const guest = await as("otto", "/me");
  const { page } = guest;
  await page.getByRole("heading", { name: "Connect your first device" }).waitFor();
  await device(client, id, "ottos-phone", { platform: "ios" });
  await open(page, "/me");
  const menu = () => page.getByRole("button", { name: /^More for/ }).click();
  await menu();
  await page.getByRole("menuitem", { name: "Rename" }).click();
  await page.getByRole("textbox", { name: "Name" }).fill("Otto’s phone");
  await page.getByRole("button", { name: "Save" }).click();
  await page.getByRole("heading", { name: "Otto’s phone", exact: true }).waitFor();
  await menu();
  await page.getByRole("menuitem", { name: "Set up again" }).click();
  await page.getByRole("button", { name: "Make a new key" }).click();
  await page.getByRole("img", { name: "QR code of the profile" }).waitFor();
  await page.getByRole("button", { name: "I have kept it" }).click();
  await menu();
  await page.getByRole("menuitem", { name: "Remove" }).click();
  await page.getByRole("button", { name: "Remove the device" }).click();
  await page.getByRole("heading", { name: "Connect your first device" }).waitFor();
  await open(page, "/me/activity");
  await page.getByText("Device renamed").first().waitFor();
  await guest.close();
});

test("people end a session of theirs that is elsewhere, and change their password", async () => {
  await somebody("paul");
  const [lost, other] = [await signedIn(server, "paul", PASSWORD), await signedIn(server, "paul", PASSWORD)];
  await visiting(browser, server, async ({ page }) => {
    await signIn(page, "paul");
    await settled(page);
    await open(page, "/me/security");
    const { items } = await expect(lost.GET("/me/sessions"));
    const sessions = page.getByRole("list", { name: "Sessions" }).getByRole("listitem");
    const count = (n: number) => until(`${n} sessions are listed`, async () => (await sessions.count()) === n);
    await count(items.length);
    const elsewhere = sessions.filter({ hasNotText: "this one" });
    assert.equal(await elsewhere.count(), items.length - 1, "one is that of this page");
    // They are called alike, and in the order of the API.
    const nth = items.filter(({ user_agent }) => !user_agent?.includes("Chrom")).findIndex(({ current }) => current);
    await elsewhere.nth(nth).getByRole("button").click();
    const dialog = page.getByRole("dialog", { name: "End this session?" });
    await dialog.getByRole("button", { name: "Sign out" }).click();
    await page.getByText("The session has ended.").waitFor();
    await count(items.length - 1);
    await assert.rejects(expect(lost.GET("/me/sessions")), { status: 401 });
    await expect(other.GET("/me/sessions"));

    const changed = "a password that nobody else knows";
    const field = (name: string) => page.getByRole("textbox", { name, exact: true });
    const change = async (current: string) => {
      await field("Present password").fill(current);
      await field("New password").fill(changed);
      await field("New password again").fill(changed);
      await page.getByRole("button", { name: "Change the password" }).click();
    };
    await change("not what it is");
    const invalid = async () => (await field("Present password").getAttribute("aria-invalid")) === "true";
    await until("the wrong one is said to be wrong", invalid);
    await change(PASSWORD);
    await page.getByText("The password was changed. All other sessions are over.").waitFor();
    await count(1);
    await assert.rejects(expect(other.GET("/me/sessions")), { status: 401 });
    await assert.rejects(signedIn(server, "paul", PASSWORD), { status: 401 });
    await signedIn(server, "paul", changed);
  });
});

test("signing out everywhere ends every session", async () => {
  await somebody("pia");
  const elsewhere = await signedIn(server, "pia", PASSWORD);
  const guest = await as("pia", "/me/security");
  const { page } = guest;
  await page.getByRole("button", { name: "Sign out everywhere" }).click();
  await page.getByRole("dialog").getByRole("button", { name: "Sign out everywhere" }).click();
  await page.getByRole("heading", { name: "Sign in" }).waitFor();
  await assert.rejects(expect(elsewhere.GET("/me/sessions")), { status: 401 });
  await guest.close();
});
