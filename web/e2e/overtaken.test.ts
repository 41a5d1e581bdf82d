/** Whoever is asked about what somebody else changes meanwhile is told so, and can go through with it. */

import assert from "node:assert/strict";
import { after, before, test } from "node:test";

import type { Browser, Locator, Page } from "playwright-core";

import { type Api, expect } from "../src/api/client.ts";
import { previewText } from "../src/text/preview.ts";
import { admin, created, device, gateway, Node, user, webhook } from "./harness/api.ts";
import { signIn, startBrowser, visiting } from "./harness/browser.ts";
import { open, settled } from "./harness/pages.ts";
import { ADMIN, type Server, startServer, until } from "./harness/server.ts";

let browser: Browser;
let server: Server;
let client: Api;
let joined: string;

before(async () => {
  server = await startServer();
  browser = await startBrowser();
  client = await admin(server);
  joined = await gateway(client, "fra-1", "100.96.0.0/20");
  await (await Node.join(server, client, joined)).apply();
});

after(async () => {
  await browser?.close();
  await server?.stop();
});

interface Asked {
  readonly path: string;
  /** Opens the dialog and answers its button. */
  readonly ask: (page: Page) => Promise<string>;
  readonly theirs: () => Promise<unknown>;
  /** What it is called from then on. */
  readonly title: string;
  /** Whether what it would do is worked out. */
  readonly previewed?: boolean;
  readonly done: () => Promise<boolean>;
}

const at = (id: string) => ({ params: { path: { id } } });
const button = (page: Page | Locator, name: string) => page.getByRole("button", { name, exact: true });

/** By an item of a menu. */
async function choose(page: Page, item: string, menu: string | RegExp = "More actions"): Promise<void> {
  await page.getByRole("button", { name: menu }).click();
  await page.getByRole("menuitem", { name: item }).click();
}

async function hook(): Promise<{ id: string; theirs: () => Promise<unknown> }> {
  const id = await webhook(client, `https://hooks.example.com/${Date.now()}`);
  const theirs = () => expect(client.PATCH("/admin/webhooks/{id}", { ...at(id), body: { description: "Theirs" } }));
  return { id, theirs };
}

/** Of this webhook, wherever it is in the list. */
const hookMenu = (page: Page) => (item: string) => choose(page, item, /^Actions for/);

const kinds: Record<string, () => Promise<Asked>> = {
  "disabling a user": async () => {
    const id = await user(client, "alice");
    return {
      path: `/users/${id}`,
      ask: async (page) => (await choose(page, "Disable"), "Disable"),
      theirs: () => expect(client.PATCH("/admin/users/{id}", { ...at(id), body: { username: "alicia" } })),
      title: "Disable alicia?",
      previewed: true,
      done: async () => (await client.GET("/admin/users/{id}", at(id))).data?.enabled === false,
    };
  },
  "another role for a user": async () => {
    const id = await user(client, "rita");
    return {
      path: `/users/${id}`,
      ask: async (page) => {
        await choose(page, "Change the role");
        await page.getByRole("radio", { name: "Auditor" }).check();
        return "Change the role";
      },
      theirs: () => expect(client.PATCH("/admin/users/{id}", { ...at(id), body: { display_name: "Rita" } })),
      title: "Role of rita",
      done: async () => (await client.GET("/admin/users/{id}", at(id))).data?.role === "auditor",
    };
  },
  "deleting a group": async () => {
    const id = await created(client.POST("/admin/groups", { body: { name: "Engineering" } }));
    return {
      path: `/groups/${id}`,
      ask: async (page) => (await button(page, "Delete").click(), "Delete"),
      theirs: () => expect(client.PATCH("/admin/groups/{id}", { ...at(id), body: { name: "Engineers" } })),
      title: "Delete Engineers?",
      previewed: true,
      done: async () => (await client.GET("/admin/groups/{id}", at(id))).response.status === 404,
    };
  },
  "revoking a device": async () => {
    const id = await device(client, await user(client, "bob"), "bob-laptop");
    return {
      path: `/devices/${id}`,
      ask: async (page) => (await choose(page, "Revoke"), "Revoke"),
      theirs: () => expect(client.PATCH("/admin/devices/{id}", { ...at(id), body: { name: "bobs-laptop" } })),
      title: "Revoke bobs-laptop?",
      previewed: true,
      done: async () => (await client.GET("/admin/devices/{id}", at(id))).data?.status === "revoked",
    };
  },
  "restoring a policy": async () => {
    const body = { name: "Intranet", effect: "allow" as const, destinations: ["172.16.20.0/24"] };
    const id = await created(client.POST("/admin/policies", { body }));
    await expect(client.PATCH("/admin/policies/{id}", { ...at(id), body: { priority: 7 } }));
    return {
      path: `/policies/${id}?tab=history`,
      ask: async (page) => (await button(page, "Restore this version").last().click(), "Restore this version"),
      theirs: () => expect(client.PATCH("/admin/policies/{id}", { ...at(id), body: { priority: 8 } })),
      title: "Restore “Intranet”?",
      previewed: true,
      done: async () => (await client.GET("/admin/policies/{id}", at(id))).data?.priority === 100,
    };
  },
  "deleting a gateway": async () => {
    const id = await gateway(client, "ams-1", "100.97.0.0/20");
    return {
      path: `/gateways/${id}`,
      ask: async (page) => {
        await choose(page, "Delete");
        await page.getByRole("textbox", { name: /^To go on/ }).fill("ams-1");
        return "Delete";
      },
      theirs: () => expect(client.PATCH("/admin/gateways/{id}", { ...at(id), body: { mtu: 1400 } })),
      title: "Delete ams-1?",
      done: async () => (await client.GET("/admin/gateways/{id}", at(id))).response.status === 404,
    };
  },
  "draining a gateway": async () => ({
    path: `/gateways/${joined}?tab=drain`,
    ask: async (page) => (await button(page, "Start the drain").click(), "Start the drain"),
    theirs: () => expect(client.PATCH("/admin/gateways/{id}", { ...at(joined), body: { name: "fra-2" } })),
    title: "Drain fra-2?",
    done: async () => (await client.GET("/admin/gateways/{id}", at(joined))).data?.drain != null,
  }),
  "rotating the key of a gateway": async () => ({
    path: `/gateways/${joined}?tab=rotation`,
    ask: async (page) => (await button(page, "Start the rotation").click(), "Start the rotation"),
    theirs: () => expect(client.PATCH("/admin/gateways/{id}", { ...at(joined), body: { name: "fra-3" } })),
    title: "Rotate the key of fra-3?",
    done: async () => (await client.GET("/admin/gateways/{id}", at(joined))).data?.key_rotation != null,
  }),
  "replaying a webhook": async () => {
    const { id, theirs } = await hook();
    return {
      path: "/webhooks",
      ask: async (page) => {
        await hookMenu(page)("Send again from an event");
        await page.getByRole("textbox", { name: "First event" }).fill("1");
        return "Send";
      },
      theirs,
      title: "Send events from a number on",
      done: async () => {
        const entries = await client.GET("/admin/audit-logs", { params: { query: { entity_id: id } } });
        const found = entries.data?.items.some(({ event_type }) => event_type.includes("replay")) === true;
        await expect(client.DELETE("/admin/webhooks/{id}", at(id)));
        return found;
      },
    };
  },
  "another secret for a webhook": async () => {
    const { id, theirs } = await hook();
    return {
      path: "/webhooks",
      ask: async (page) => (await hookMenu(page)("Rotate the secret"), "Rotate"),
      theirs,
      title: "Give this webhook another secret",
      done: async () => {
        const entries = await client.GET("/admin/audit-logs", { params: { query: { entity_id: id } } });
        return entries.data?.items.some(({ event_type }) => event_type.includes("secret")) === true;
      },
    };
  },
};

for (const [kind, make] of Object.entries(kinds)) {
  test(`${kind} that somebody else changes meanwhile is a choice`, async () => {
    const { path, ask, theirs, title, previewed = false, done } = await make();
    await visiting(browser, server, async ({ page }) => {
      await signIn(page, ADMIN);
      await settled(page);
      await open(page, path);
      let previews = 0;
      page.on("request", (request) => {
        previews += request.url().includes("/admin/preview/") ? 1 : 0;
      });
      const verb = await ask(page);
      const dialog = page.getByRole("dialog");
      await button(dialog, verb).waitFor();
      await settled(page);
      await theirs();
      await button(dialog, verb).click();
      await dialog.getByText("Somebody else changed it meanwhile").waitFor();
      await page.getByRole("dialog", { name: title }).waitFor();
      await settled(page);
      assert.equal(await button(dialog, verb).count(), 0);
      assert.equal(previews, previewed ? 2 : 0);
      await button(dialog, "Do it all the same").click();
      await dialog.getByText("Somebody else changed it meanwhile").waitFor({ state: "detached" });
      await until("it is done", done);
    });
  });
}

test("nobody goes through with what is still being worked out", async () => {
  const id = await user(client, "walter");
  await visiting(browser, server, async ({ page }) => {
    await signIn(page, ADMIN);
    await settled(page);
    await open(page, `/users/${id}`);
    let answer: () => void = () => undefined;
    const held = new Promise<void>((resolve) => {
      answer = resolve;
    });
    let fail = false;
    await page.route("**/admin/preview/**", async (route) => {
      await held;
      await (fail ? route.fulfill({ status: 503, body: "" }) : route.fallback());
    });
    await choose(page, "Disable");
    const dialog = page.getByRole("dialog", { name: "Disable walter?" });
    await dialog.getByLabel(previewText.working).waitFor();
    assert.equal(await button(dialog, "Disable").isEnabled(), false);
    answer();
    await dialog.getByRole("group", { name: "What it would do" }).waitFor();
    assert.equal(await button(dialog, "Disable").isEnabled(), true);
    await button(dialog, "Cancel").click();
    await dialog.waitFor({ state: "detached" });
    // What cannot be worked out is said, and stops nobody.
    fail = true;
    await choose(page, "Disable");
    await dialog.getByText(previewText.unavailable).waitFor();
    await button(dialog, "Disable").click();
    await until("it is done", async () => (await client.GET("/admin/users/{id}", at(id))).data?.enabled === false);
  });
});

test("Escape in a conflict leaves the form below", async () => {
  const id = await created(client.POST("/admin/groups", { body: { name: "Support" } }));
  await visiting(browser, server, async ({ page }) => {
    await signIn(page, ADMIN);
    await settled(page);
    await open(page, `/groups/${id}`);
    await button(page, "Edit").click();
    const form = page.getByRole("dialog", { name: "Edit Support" });
    const field = form.getByRole("textbox", { name: "Description", exact: true });
    await field.fill("Mine");
    await expect(client.PATCH("/admin/groups/{id}", { ...at(id), body: { description: "Theirs" } }));
    await button(form, "Save").click();
    const conflict = page.getByRole("dialog", { name: "Somebody else changed it meanwhile" });
    await conflict.waitFor();
    await page.keyboard.press("Escape");
    await conflict.waitFor({ state: "detached" });
    assert.equal(await field.inputValue(), "Mine");
    await page.keyboard.press("Escape");
    await form.waitFor({ state: "detached" });
  });
});

test("who would not be put into a group is said before", async () => {
  const [going, staying] = [await user(client, "gone-soon"), await user(client, "gone-never")];
  const group = await created(client.POST("/admin/groups", { body: { name: "Choir" } }));
  await visiting(browser, server, async ({ page }) => {
    await signIn(page, ADMIN);
    await settled(page);
    await open(page, "/users?q=gone");
    for (const name of ["gone-soon", "gone-never"]) {
      await page.getByRole("checkbox", { name: `Select ${name}` }).check();
    }
    await expect(client.DELETE("/admin/users/{id}", at(going)));
    await button(page, "Groups").click();
    await page.getByRole("menuitem", { name: "Add to a group" }).click();
    const dialog = page.getByRole("dialog");
    const field = { name: "Group" };
    await dialog.getByRole("combobox", field).or(dialog.getByRole("textbox", field)).last().fill("Choir");
    await page.getByRole("option", { name: "Choir" }).click();
    await button(dialog, "Go on").click();
    const refused = dialog.getByRole("alert").filter({ hasText: previewText.refused(1) });
    await refused.getByRole("listitem").filter({ hasText: /^\(not there any more\): user not found$/ }).waitFor();
    await button(dialog, "Add").click();
    const params = { params: { path: { id: group } } };
    await until("the other one belongs to it", async () => {
      const members = await expect(client.GET("/admin/groups/{id}/members", params));
      return members.items.map(({ id }) => id).join() === staying;
    });
  });
});

test("a page that is older than what it asks about says so at once", async () => {
  const id = await created(client.POST("/admin/groups", { body: { name: "Sales" } }));
  await visiting(browser, server, async ({ page }) => {
    await signIn(page, ADMIN);
    await settled(page);
    await open(page, `/groups/${id}`);
    await expect(client.PATCH("/admin/groups/{id}", { ...at(id), body: { name: "Sellers" } }));
    await button(page, "Delete").click();
    const dialog = page.getByRole("dialog", { name: "Delete Sellers?" });
    await dialog.getByText("Somebody else changed it meanwhile").waitFor();
    await dialog.getByRole("group", { name: "What it would do" }).waitFor();
    await button(dialog, "Do it all the same").click();
    await until("it is gone", async () => (await client.GET("/admin/groups/{id}", at(id))).response.status === 404);
  });
});
