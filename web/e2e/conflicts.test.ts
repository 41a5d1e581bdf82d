/** Whoever edits what somebody else has changed meanwhile chooses, whatever it is. */

import assert from "node:assert/strict";
import { after, before, test } from "node:test";

import type { Browser, Page } from "playwright-core";

import { type Api, expect } from "../src/api/client.ts";
import { admin, created, device, gateway, Node, user, webhook } from "./harness/api.ts";
import { signIn, startBrowser, visiting } from "./harness/browser.ts";
import { open, settled } from "./harness/pages.ts";
import { ADMIN, type Server, startServer, until } from "./harness/server.ts";

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

interface Edited {
  readonly path: string;
  /** What both change. */
  readonly label: string;
  readonly theirs: (text: string) => Promise<unknown>;
  readonly read: () => Promise<string | null | undefined>;
  /** Opens the form, where the page itself is none. */
  readonly edit: (page: Page) => Promise<void>;
  /** Opens what has happened to it, where that is no tab of its page. */
  readonly history?: (page: Page) => Promise<void>;
}

const press = async (page: Page) => page.getByRole("button", { name: "Edit", exact: true }).click();
const at = (id: string) => ({ params: { path: { id } } });

const kinds: Record<string, () => Promise<Edited>> = {
  user: async () => {
    const id = await user(client, "alice");
    return {
      path: `/users/${id}`,
      label: "Name",
      edit: press,
      theirs: (display_name) => expect(client.PATCH("/admin/users/{id}", { ...at(id), body: { display_name } })),
      read: async () => (await client.GET("/admin/users/{id}", at(id))).data?.display_name,
    };
  },
  group: async () => {
    const id = await created(client.POST("/admin/groups", { body: { name: "Engineering" } }));
    return {
      path: `/groups/${id}`,
      label: "Description",
      edit: press,
      theirs: (description) => expect(client.PATCH("/admin/groups/{id}", { ...at(id), body: { description } })),
      read: async () => (await client.GET("/admin/groups/{id}", at(id))).data?.description,
    };
  },
  device: async () => {
    const id = await device(client, await user(client, "bob"), "bob-laptop");
    return {
      path: `/devices/${id}`,
      label: "Name",
      edit: press,
      theirs: (name) => expect(client.PATCH("/admin/devices/{id}", { ...at(id), body: { name } })),
      read: async () => (await client.GET("/admin/devices/{id}", at(id))).data?.name,
    };
  },
  policy: async () => {
    const body = { name: "Intranet", effect: "allow" as const, destinations: ["172.16.20.0/24"] };
    const id = await created(client.POST("/admin/policies", { body }));
    return {
      path: `/policies/${id}`,
      label: "Description",
      edit: async () => {},
      theirs: (description) => expect(client.PATCH("/admin/policies/{id}", { ...at(id), body: { description } })),
      read: async () => (await client.GET("/admin/policies/{id}", at(id))).data?.description,
    };
  },
  gateway: async () => {
    const id = await gateway(client, "ams-1", "100.97.0.0/20");
    return {
      path: `/gateways/${id}`,
      label: "Endpoint",
      edit: press,
      theirs: (text) => expect(client.PATCH("/admin/gateways/{id}", { ...at(id), body: { endpoint: text } })),
      read: async () => (await client.GET("/admin/gateways/{id}", at(id))).data?.endpoint,
    };
  },
  webhook: async () => {
    const id = await webhook(client, "https://hooks.example.com/nexavpn");
    return {
      path: "/webhooks",
      label: "Description",
      edit: async (page) => {
        await page.getByRole("button", { name: /^Actions for/ }).click();
        await page.getByRole("menuitem", { name: "Edit" }).click();
      },
      history: async (page) => {
        await open(page, "/webhooks");
        await page.getByRole("button", { name: /^https:/ }).click();
      },
      theirs: (description) => expect(client.PATCH("/admin/webhooks/{id}", { ...at(id), body: { description } })),
      read: async () => (await client.GET("/admin/webhooks/{id}", at(id))).data?.description,
    };
  },
};

for (const [kind, make] of Object.entries(kinds)) {
  test(`a stale edit of a ${kind} is a choice, and the history tells what was and what is`, async () => {
    const { path, label, edit, theirs, read, history } = await make();
    await visiting(browser, server, async ({ page }) => {
      await signIn(page, ADMIN);
      await settled(page);
      const field = page.getByRole("textbox", { name: label, exact: true });
      const save = page.getByRole("button", { name: "Save", exact: true });
      const conflict = page.getByRole("dialog", { name: "Somebody else changed it meanwhile" });
      // Names of hosts, which all of these take.
      const clash = async (mine: string, other: string) => {
        await open(page, path);
        await edit(page);
        await field.fill(mine);
        await theirs(other);
        await save.click();
        await conflict.getByText(mine).waitFor();
        await conflict.getByText(other).waitFor();
        assert.equal(await read(), other, "nothing is saved before somebody chooses");
      };

      await clash("mine-1.example.com:51820", "theirs-1.example.com:51820");
      await conflict.getByRole("button", { name: "Save mine over theirs" }).click();
      await until("it is mine", async () => (await read()) === "mine-1.example.com:51820");
      await conflict.waitFor({ state: "detached" });

      await clash("mine-2.example.com:51820", "theirs-2.example.com:51820");
      await conflict.getByRole("button", { name: "Take theirs and go on editing" }).click();
      await conflict.waitFor({ state: "detached" });
      assert.equal(await field.inputValue(), "theirs-2.example.com:51820");
      // From there it is saved like any other edit.
      await field.fill("both.example.com:51820");
      await save.click();
      await until("it is what both made of it", async () => (await read()) === "both.example.com:51820");

      await (history?.(page) ?? open(page, `${path}?tab=history`));
      const told = page.getByLabel("What happened to it").getByRole("row", { name: new RegExp(`^${label} `) });
      await told.first().waitFor();
      const changes = (await told.allInnerTexts()).map((row) => row.split("\t").slice(1));
      // Of what was there at first every kind has something else.
      assert.deepEqual(changes.slice(0, 3), [
        ["theirs-2.example.com:51820", "both.example.com:51820"],
        ["mine-1.example.com:51820", "theirs-2.example.com:51820"],
        ["theirs-1.example.com:51820", "mine-1.example.com:51820"],
      ]);
    });
  });
}

test("a conflict over a device names people and gateways, and says times as they are read", async () => {
  const [mine, theirs] = [await user(client, "mina"), await user(client, "theo")];
  const id = await device(client, await user(client, "olga"), "olga-laptop");
  await visiting(browser, server, async ({ page }) => {
    await signIn(page, ADMIN);
    await settled(page);
    await open(page, `/devices/${id}`);
    await press(page);
    const edit = page.getByRole("dialog", { name: "Edit the device" });
    const owner = edit.getByRole("textbox", { name: "Owner" }).or(edit.getByRole("combobox", { name: "Owner" }));
    await owner.last().fill("mina");
    await page.getByRole("option", { name: /mina/ }).click();
    await edit.getByLabel("Expires").fill("2099-05-03T12:00");
    const platform = edit.getByRole("textbox", { name: "Platform" }).or(edit.getByRole("combobox", { name: "Platform" }));
    await platform.last().click();
    await page.getByRole("option", { name: "macOS" }).click();
    const body = { user_id: theirs, expires_at: "2098-01-02T03:04:00Z", platform: "ios" };
    await expect(client.PATCH("/admin/devices/{id}", { ...at(id), body }));
    await edit.getByRole("button", { name: "Save", exact: true }).click();
    const conflict = page.getByRole("dialog", { name: "Somebody else changed it meanwhile" });
    // In Berlin, where this browser is.
    await conflict.getByRole("row", { name: /^Expires 2099-05-03 12:00:00 2098-01-02 04:04:00$/ }).waitFor();
    await conflict.getByRole("row", { name: /^Owner mina theo$/ }).waitFor();
    await conflict.getByRole("row", { name: /^Platform macOS iPhone or iPad$/ }).waitFor();
    await conflict.getByRole("button", { name: "Save mine over theirs" }).click();
    await until("it is mine", async () => (await client.GET("/admin/devices/{id}", at(id))).data?.user_id === mine);
  });
});
