/** Before somebody locks themselves out they are told, and asked. */

import assert from "node:assert/strict";
import { after, before, test } from "node:test";

import type { Browser, Page } from "playwright-core";

import { type Api, expect } from "../src/api/client.ts";
import { policiesText } from "../src/text/policies.ts";
import { previewText } from "../src/text/preview.ts";
import { admin, created, device, gateway, Node, user } from "./harness/api.ts";
import { violations } from "./harness/axe.ts";
import { signIn, startBrowser, visiting } from "./harness/browser.ts";
import { OVER_PAGES } from "./harness/dialogs.ts";
import { open, settled } from "./harness/pages.ts";
import { ADMIN, type Server, startServer, until } from "./harness/server.ts";

let browser: Browser;
let server: Server;
let client: Api;
let me: string;
let laptop: string;
let policy: string;

before(async () => {
  // So that a request can come through a device, as far as the server can tell.
  server = await startServer("--trusted-proxies", "127.0.0.1/32");
  browser = await startBrowser();
  client = await admin(server);
  const id = await gateway(client, "fra-1", "100.96.0.0/20");
  await Node.join(server, client, id);
  me = (await expect(client.GET("/auth/me"))).id;
  laptop = await device(client, me, "admin-laptop");
  const targets = [{ type: "user" as const, id: me }];
  const body = { name: "The way in", effect: "allow" as const, destinations: ["172.16.20.0/24"], targets };
  policy = await created(client.POST("/admin/policies", { body }));
});

after(async () => {
  await browser?.close();
  await server?.stop();
});

const enabled = async () => (await client.GET("/admin/policies/{id}", { params: { path: { id: policy } } })).data?.enabled;

async function switchOff(page: Page): Promise<void> {
  await signIn(page, ADMIN);
  await settled(page);
  await open(page, `/policies/${policy}`);
  await page.getByRole("switch", { name: /^Enabled/ }).press("Space");
}

test("whoever would lose access by a policy sees it while editing, and is asked before it is saved", async () => {
  await visiting(browser, server, async ({ page }) => {
    await switchOff(page);
    const beside = page.getByRole("group", { name: "What it would do" });
    const own = beside.getByRole("alert").filter({ hasText: "You would lose access yourself" });
    await own.getByText("admin-laptop of admin").waitFor();
    const others = beside.getByRole("alert").filter({ hasText: "1 device would lose everything" });
    await others.getByText("admin-laptop of admin").waitFor();
    assert.equal(await beside.getByText("your own connection").count(), 0, "the request came another way");

    await page.getByRole("button", { name: "Save", exact: true }).click();
    const dialog = page.getByRole("dialog", { name: "Save this policy all the same?" });
    await dialog.getByText("You would lose access yourself").waitFor();
    await dialog.getByRole("button", { name: "Cancel" }).click();
    await dialog.waitFor({ state: "detached" });
    assert.equal(await enabled(), true);

    await page.getByRole("button", { name: "Save", exact: true }).click();
    await dialog.getByRole("button", { name: "Save all the same" }).click();
    await until("it is saved", async () => (await enabled()) === false);
  });
  const params = { params: { path: { id: policy } } };
  await expect(client.PATCH("/admin/policies/{id}", { ...params, body: { enabled: true } }));
});

test("whoever would lose access at a later time sees that too, and is asked before", async () => {
  await visiting(browser, server, async ({ page }) => {
    await signIn(page, ADMIN);
    await settled(page);
    await open(page, `/policies/${policy}`);
    await page.getByLabel(policiesText.form.until).fill("2098-01-01T08:00");
    const beside = page.getByRole("group", { name: previewText.title });
    await beside.getByText(previewText.nothingAtOnce).waitFor();
    const ends = beside.getByRole("group", { name: "2098-01-01 08:00:00: a policy ends" });
    const own = ends.getByRole("alert").filter({ hasText: "You would lose access yourself" });
    await own.getByText("admin-laptop of admin").waitFor();
    assert.deepEqual(await violations(page), []);

    await page.getByRole("button", { name: "Save", exact: true }).click();
    const dialog = page.getByRole("dialog", { name: "Save this policy all the same?" });
    await dialog.getByText("You would lose access yourself").waitFor();
    assert.deepEqual(await violations(page, { within: OVER_PAGES }), []);
    await dialog.getByRole("button", { name: "Cancel" }).click();
    await dialog.waitFor({ state: "detached" });
  });
});

test("whoever comes through a device is warned of cutting it off", async () => {
  const { data } = await client.GET("/admin/devices/{id}", { params: { path: { id: laptop } } });
  const address = data?.assigned_ip.split("/")[0] ?? "";
  await visiting(browser, server, async ({ page }) => {
    await page.setExtraHTTPHeaders({ "X-Forwarded-For": address, "X-Forwarded-Proto": "http" });
    await switchOff(page);
    const beside = page.getByRole("group", { name: "What it would do" });
    const risk = beside.getByRole("alert").filter({ hasText: "This may cut off your own connection" });
    await risk.getByText("admin-laptop of admin").waitFor();
  });
});

test("whoever disables their own account is told", async () => {
  // Without another admin nobody could.
  await user(client, "second", { role: "admin" });
  await visiting(browser, server, async ({ page }) => {
    await signIn(page, ADMIN);
    await settled(page);
    await open(page, `/users/${me}`);
    await page.getByRole("button", { name: "More actions" }).click();
    await page.getByRole("menuitem", { name: "Disable" }).click();
    const dialog = page.getByRole("dialog");
    await dialog.getByRole("alert").filter({ hasText: "This closes your own account" }).waitFor();
    await dialog.getByRole("button", { name: "Cancel" }).click();
  });
});

test("what is done to many says what it would do to all of them together", async () => {
  await device(client, await user(client, "third"), "third-laptop");
  await visiting(browser, server, async ({ page }) => {
    await signIn(page, ADMIN);
    await settled(page);
    const ask = async (path: string, names: readonly string[], verb: string) => {
      await open(page, path);
      for (const name of names) {
        await page.getByLabel(`Select ${name}`, { exact: true }).check();
      }
      await page.getByRole("region", { name: "2 selected" }).getByRole("button", { name: verb }).click();
      return page.getByRole("dialog").getByRole("group", { name: "What it would do" });
    };
    const devices = await ask("/devices", ["admin-laptop", "third-laptop"], "Revoke");
    const own = devices.getByRole("alert").filter({ hasText: "You would lose access yourself" });
    await own.getByText("admin-laptop of admin").waitFor();
    await devices.getByText("2 devices affected: 0 gain, 2 lose something.").waitFor();
    await devices.getByText("172.16.20.0/24").waitFor();

    const users = await ask("/users", ["admin", "third"], "Disable");
    await users.getByRole("alert").filter({ hasText: "This closes your own account" }).waitFor();
    await users.getByText("2 devices affected: 0 gain, 2 lose something.").waitFor();
  });
});

test("several policies say what they do together, which none of them does alone", async () => {
  const targets = [{ type: "user" as const, id: me }];
  for (const name of ["One way", "Another way"]) {
    await created(
      client.POST("/admin/policies", { body: { name, effect: "allow", destinations: ["10.9.0.0/16"], targets } }),
    );
  }
  await visiting(browser, server, async ({ page }) => {
    await signIn(page, ADMIN);
    await settled(page);
    const ask = async (...names: string[]) => {
      await open(page, "/policies");
      for (const name of names) {
        await page.getByLabel(`Select ${name}`, { exact: true }).check();
      }
      const bar = page.getByRole("region", { name: `${names.length} selected` });
      await bar.getByRole("button", { name: "Disable" }).click();
      return page.getByRole("dialog").getByRole("group", { name: "What it would do" });
    };
    const alone = await ask("One way");
    await alone.getByText("It changes nothing about who reaches what.").waitFor();
    const both = await ask("One way", "Another way");
    await both.getByText("1 lose something").waitFor();
    await both.getByText("You would lose access yourself").waitFor();
  });
});
