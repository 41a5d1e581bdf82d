/** What is done to many at once is done to each of them. */

import assert from "node:assert/strict";
import { after, before, test } from "node:test";

import type { Browser, Page } from "playwright-core";

import { type Api, expect } from "../src/api/client.ts";
import { admin, created, device, gateway, Node, user } from "./harness/api.ts";
import { signIn, startBrowser, visiting } from "./harness/browser.ts";
import { open, settled } from "./harness/pages.ts";
import { ADMIN, type Server, startServer } from "./harness/server.ts";

let browser: Browser;
let server: Server;
let client: Api;
let owner: string;
let from: string;
let to: string;
let group: string;

before(async () => {
  server = await startServer();
  browser = await startBrowser();
  client = await admin(server);
  from = await gateway(client, "fra-1", "100.96.0.0/24");
  await Node.join(server, client, from);
  to = await gateway(client, "ams-1", "100.97.0.0/24");
  await Node.join(server, client, to);
  owner = await user(client, "owner");
  group = await created(client.POST("/admin/groups", { body: { name: "Crew" } }));
});

after(async () => {
  await browser?.close();
  await server?.stop();
});

const at = (id: string) => ({ params: { path: { id } } });

interface Case {
  /** What the button of the bar says, and so does the one in the dialog. */
  readonly verb: string;
  /** Makes one that it can be done to. */
  readonly make: (name: string) => Promise<string>;
  /** How one of them is. */
  readonly read: (id: string) => Promise<unknown>;
  readonly before: unknown;
  readonly after: unknown;
  /** Goes from the list to where it is confirmed, where that is more than one button. */
  readonly ask?: (page: Page) => Promise<void>;
}

/** The menu of groups, and the dialog that asks which one. */
const ofGroup = (item: string) => async (page: Page) => {
  await page.getByRole("region", { name: "2 selected" }).getByRole("button", { name: "Groups" }).click();
  await page.getByRole("menuitem", { name: item, exact: true }).click();
  await choose(page, "Group", "Crew");
  await page.getByRole("dialog").getByRole("button", { name: "Go on" }).click();
};

async function choose(page: Page, label: string, name: string): Promise<void> {
  const dialog = page.getByRole("dialog");
  await dialog.getByRole("textbox", { name: label }).or(dialog.getByRole("combobox", { name: label })).last().fill(name);
  await page.getByRole("option", { name, exact: true }).click();
}

const status = async (id: string) => (await client.GET("/admin/users/{id}", at(id))).data?.status;
const disabledUser = async (name: string) => {
  const id = await user(client, name);
  await expect(client.POST("/admin/users/{id}/disable", at(id)));
  return id;
};
const member = async (id: string) => {
  const query = { group };
  const { items } = await expect(client.GET("/admin/users", { params: { query } }));
  return items.some((one) => one.id === id);
};
const newMember = async (name: string) => {
  const id = await user(client, name);
  await expect(client.PUT("/admin/groups/{id}/members/{user_id}", { params: { path: { id: group, user_id: id } } }));
  return id;
};

const read = async (id: string) => expect(client.GET("/admin/devices/{id}", at(id)));
const deviceStatus = async (id: string) => (await read(id)).status;
const newDevice = (name: string) => device(client, owner, name, { gateway_id: from });
const disabledDevice = async (name: string) => {
  const id = await newDevice(name);
  await expect(client.POST("/admin/devices/{id}/disable", at(id)));
  return id;
};

const enabled = async (id: string) => (await expect(client.GET("/admin/policies/{id}", at(id)))).enabled;
const policy = (enabled: boolean) => (name: string) => {
  const body = { name, effect: "allow" as const, enabled, destinations: ["172.16.20.0/24"] };
  return created(client.POST("/admin/policies", { body }));
};

const lists: Readonly<Record<string, readonly Case[]>> = {
  users: [
    { verb: "Disable", make: (name) => user(client, name), read: status, before: "active", after: "disabled" },
    { verb: "Enable", make: disabledUser, read: status, before: "disabled", after: "active" },
    { verb: "Delete", make: (name) => user(client, name), read: status, before: "active", after: undefined },
    { verb: "Add", make: (name) => user(client, name), read: member, before: false, after: true, ask: ofGroup("Add to a group") },
    { verb: "Remove", make: newMember, read: member, before: true, after: false, ask: ofGroup("Remove from a group") },
  ],
  devices: [
    { verb: "Disable", make: newDevice, read: deviceStatus, before: "active", after: "disabled" },
    { verb: "Enable", make: disabledDevice, read: deviceStatus, before: "disabled", after: "active" },
    { verb: "Revoke", make: newDevice, read: deviceStatus, before: "active", after: "revoked" },
    {
      verb: "Move",
      make: newDevice,
      read: async (id) => (await read(id)).gateway_name,
      before: "fra-1",
      after: "ams-1",
      ask: async (page) => {
        await page.getByRole("region", { name: "2 selected" }).getByRole("button", { name: "Move" }).click();
        await choose(page, "To the gateway", "ams-1");
      },
    },
  ],
  policies: [
    { verb: "Disable", make: policy(true), read: enabled, before: true, after: false },
    { verb: "Enable", make: policy(false), read: enabled, before: false, after: true },
  ],
};

for (const [list, cases] of Object.entries(lists)) {
  test(`what is done to many ${list} is done to each of them, and to no other`, async () => {
    await visiting(browser, server, async ({ page }) => {
      await signIn(page, ADMIN);
      await settled(page);
      for (const [n, { verb, make, read, before, after, ask }] of cases.entries()) {
        // The third one stays as it is.
        const names = ["one", "two", "left"].map((name) => `${list}-${n}-${name}`);
        const ids: string[] = [];
        for (const name of names) {
          ids.push(await make(name));
        }
        const all = () => Promise.all(ids.map(read));
        assert.deepEqual(await all(), [before, before, before], `${list}, before: ${verb}`);
        await open(page, `/${list}?q=${list}-${n}-`);
        for (const name of names.slice(0, 2)) {
          await page.getByLabel(`Select ${name}`, { exact: true }).check();
        }
        const bar = page.getByRole("region", { name: "2 selected" });
        await (ask?.(page) ?? bar.getByRole("button", { name: verb, exact: true }).click());
        const button = page.getByRole("dialog").getByRole("button", { name: verb, exact: true });
        await button.click();
        await page.getByText("Done for 2.").waitFor();
        assert.deepEqual(await all(), [after, after, before], `${list}, after: ${verb}`);
        // Nothing is selected any more that could be hit a second time.
        await bar.waitFor({ state: "detached" });
      }
    });
  });
}
