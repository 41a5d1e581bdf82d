/** Whole flows by the keyboard alone. */

import assert from "node:assert/strict";
import { after, before, test } from "node:test";

import type { Browser, Page } from "playwright-core";

import type { Api } from "../src/api/client.ts";
import { t } from "../src/text/common.ts";
import { gatewaysText } from "../src/text/gateways.ts";
import { admin, created, device, gateway, Node, user } from "./harness/api.ts";
import { signIn, startBrowser, visiting } from "./harness/browser.ts";
import { back, button, choose, enter, field, focused, go, kept, pick, search, select, tabTo, type } from "./harness/keyboard.ts";
import { settled } from "./harness/pages.ts";
import { ADMIN, PASSWORD, type Server, startServer, until } from "./harness/server.ts";

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

test("a group and a policy are made, found and deleted by keyboard", async () => {
  await visiting(browser, server, async ({ page }) => {
    await page.goto("/");
    await tabTo(page, field(page, "Username"));
    await page.keyboard.type(ADMIN);
    await tabTo(page, field(page, "Password"));
    await page.keyboard.type(PASSWORD);
    await page.keyboard.press("Enter");
    await settled(page);

    // The first thing that Tab finds on a page leads past the navigation.
    await page.keyboard.press("Tab");
    assert.equal(await focused(page.getByRole("link", { name: "Skip to the content" })), true);

    await go(page, "r", "/groups");
    await page.keyboard.press("c");
    const dialog = page.getByRole("dialog");
    await tabTo(page, field(dialog, "Name"));
    await page.keyboard.type("Keyboardists");
    await tabTo(page, dialog.getByRole("button", { name: "Create group" }));
    await page.keyboard.press("Enter");
    await page.getByRole("heading", { name: "Keyboardists", level: 1 }).waitFor();
    await dialog.waitFor({ state: "detached" });

    await go(page, "p", "/policies");
    await page.keyboard.press("c");
    await page.waitForURL("**/policies/new");
    await settled(page);
    await tabTo(page, field(page, "Name"));
    await page.keyboard.type("Made without a mouse");
    await tabTo(page, field(page, "Destinations"));
    await page.keyboard.type("172.16.30.0/24");
    await page.keyboard.press("Enter");
    const groups = page.getByRole("combobox", { name: "Groups", exact: true });
    await tabTo(page, groups.or(field(page, "Groups")).last());
    await page.keyboard.type("Keyb");
    await page.getByRole("option", { name: "Keyboardists" }).waitFor();
    await page.keyboard.press("ArrowDown");
    await page.keyboard.press("Enter");
    await tabTo(page, page.getByRole("button", { name: "Create policy" }));
    await page.keyboard.press("Enter");
    await page.getByRole("heading", { name: "Made without a mouse", level: 1 }).waitFor();

    // Elsewhere, and back by the palette.
    await page.waitForURL(/policies\/[0-9a-f-]{36}/);
    await page.evaluate(() => (document.activeElement as HTMLElement | null)?.blur());
    await go(page, "h", "/");
    await page.keyboard.press("Control+k");
    const palette = page.getByPlaceholder("Search or jump to…");
    await palette.waitFor();
    await until("the palette has the focus", () => focused(palette));
    await page.keyboard.type("without");
    await page.getByRole("option", { name: "Made without a mouse" }).waitFor();
    await page.keyboard.press("Enter");
    await page.getByRole("heading", { name: "Made without a mouse", level: 1 }).waitFor();
    await settled(page);

    await tabTo(page, page.getByRole("button", { name: "Delete", exact: true }));
    await page.keyboard.press("Enter");
    await tabTo(page, dialog.getByRole("button", { name: /^Delete/ }));
    await page.keyboard.press("Enter");
    await dialog.waitFor({ state: "detached" });
    await go(page, "p", "/policies");
    await page.getByText("There is no policy yet").waitFor();

    await page.keyboard.press("?");
    await page.getByRole("dialog", { name: "Keyboard shortcuts" }).waitFor();
    await page.keyboard.press("Escape");
    await page.getByRole("dialog").waitFor({ state: "detached" });
  });
});

/** Signed in, on a page; from there on nothing is clicked. */
async function by(act: (page: Page) => Promise<void>): Promise<void> {
  await visiting(browser, server, async ({ page }) => {
    await signIn(page, ADMIN);
    await settled(page);
    await page.evaluate(() => (document.activeElement as HTMLElement | null)?.blur());
    await act(page);
  });
}

test("a user is created, edited and disabled by keyboard", async () => {
  await by(async (page) => {
    const dialog = page.getByRole("dialog");
    await go(page, "u", "/users");
    await page.keyboard.press("c");
    await type(page, field(dialog, "Username"), "kim");
    await enter(page, button(dialog, "Create user"));
    await dialog.waitFor({ state: "detached" });
    await kept(page);
    await enter(page, page.getByRole("link", { name: "kim", exact: true }));
    await page.getByRole("heading", { name: "kim", level: 1 }).waitFor();
    await settled(page);

    const edit = button(page, "Edit");
    await enter(page, edit);
    await type(page, field(dialog, "Name"), "Kim Keller");
    await enter(page, button(dialog, "Save"));
    await back(page, edit);
    await page.getByText("Kim Keller").first().waitFor();

    const more = button(page, "More actions");
    await choose(page, "Disable");
    await dialog.waitFor();
    // Whoever thinks better of it is where they were.
    await page.keyboard.press("Escape");
    await back(page, more);
    await choose(page, "Disable");
    await enter(page, button(dialog, "Disable"));
    await back(page, more);
    await page.getByText("disabled", { exact: true }).first().waitFor();
  });
});

test("a device is enrolled and revoked by keyboard", async () => {
  const lea = await user(client, "lea");
  await by(async (page) => {
    const dialog = page.getByRole("dialog");
    await page.goto(`/users/${lea}`);
    await settled(page);
    const add = button(page, "Add device");
    await enter(page, add);
    await type(page, field(dialog, "Name"), "lea-phone");
    await enter(page, button(dialog, /^Add/));
    await page.getByRole("img", { name: "QR code of the profile" }).waitFor();
    await enter(page, button(dialog, "I have kept it"));
    await back(page, add);
    await enter(page, page.getByRole("link", { name: "lea-phone" }));
    await page.getByRole("heading", { name: "lea-phone", level: 1 }).waitFor();
    await settled(page);
    await choose(page, "Revoke");
    await type(page, field(dialog, "Reason, for the audit log"), "Lost");
    await enter(page, button(dialog, "Revoke"));
    await dialog.waitFor({ state: "detached" });
    await page.getByText("revoked", { exact: true }).first().waitFor();
    // There is nothing left to do with it, the menu included.
    await button(page, "More actions").waitFor({ state: "detached" });
    await kept(page);
  });
});

test("a gateway is created by keyboard, and Escape does not lose its command", async () => {
  await by(async (page) => {
    const { form, join } = gatewaysText;
    const dialog = page.getByRole("dialog");
    await go(page, "g", "/gateways");
    await page.keyboard.press("c");
    await type(page, field(dialog, form.name), "key-1");
    await type(page, field(dialog, form.endpoint), "key-1.example.com:51820");
    await type(page, field(dialog, form.pool4), "100.110.0.0/24");
    await enter(page, button(dialog, form.create));
    const shown = page.getByRole("dialog", { name: join.title("key-1") });
    const command = shown.locator("pre", { hasText: " join " });
    const text = await command.innerText();
    await page.keyboard.press("Escape");
    const asked = shown.getByText(join.closing);
    await asked.waitFor();
    assert.equal(await command.innerText(), text);
    await enter(page, button(shown, t.oneTimeStay));
    await asked.waitFor({ state: "detached" });
    await enter(page, button(shown, join.done));
    await shown.waitFor({ state: "detached" });
    await page.getByRole("link", { name: "key-1", exact: true }).waitFor();
    await kept(page);
  });
});

test("a list is filtered, sorted, paged and changed in bulk by keyboard", async () => {
  for (let n = 0; n < 60; n += 1) {
    await user(client, `bulk-${String(n).padStart(2, "0")}`);
  }
  await by(async (page) => {
    const dialog = page.getByRole("dialog");
    await go(page, "u", "/users");
    await page.keyboard.press("/");
    await until("the search has the focus", () => focused(page.getByRole("searchbox")));
    await page.keyboard.type("bulk-");
    await page.getByText("1–50 of 60").waitFor();
    await select(page, search(page, "Status"), "active");
    await page.waitForURL(/status=active/);
    await page.getByText("1–50 of 60").waitFor();

    const heading = page.getByRole("columnheader", { name: "Username" });
    await enter(page, heading.getByRole("button"));
    await page.waitForURL(/sort=-username/);
    await page.getByRole("link", { name: "bulk-59", exact: true }).waitFor();
    assert.equal(await heading.getAttribute("aria-sort"), "descending");
    await settled(page);
    await enter(page, button(page, "Next"));
    await page.getByText("51–60 of 60").waitFor();
    // The button is of no more use here; what has the focus now is near it still.
    await kept(page);

    for (const name of ["bulk-09", "bulk-08"]) {
      const box = page.getByRole("checkbox", { name: `Select ${name}` });
      await tabTo(page, box);
      await page.keyboard.press("Space");
      assert.ok(await box.isChecked());
    }
    await enter(page, button(page.getByRole("region", { name: "2 selected" }), "Disable"));
    await dialog.getByText("These 2: bulk-09, bulk-08").waitFor();
    await enter(page, button(dialog, "Disable"));
    await dialog.waitFor({ state: "detached" });
    await page.getByText("51–58 of 58").waitFor();
    await kept(page);
  });
});

test("an access is explained at a moment of the past by keyboard", async () => {
  const mia = await user(client, "mia");
  await device(client, mia, "mia-laptop");
  const targets = [{ type: "user" as const, id: mia }];
  const body = { name: "Wiki", effect: "allow" as const, destinations: ["172.16.40.0/24"], targets };
  await created(client.POST("/admin/policies", { body }));
  await by(async (page) => {
    await go(page, "x", "/access");
    await pick(page, search(page, "User"), "mia");
    await type(page, field(page, "Destination"), "172.16.40.9");
    await page.keyboard.press("Enter");
    await page.getByText("Allowed", { exact: true }).waitFor();
    // As it was: the log's end, and from there back to its beginning, when there was nobody.
    await tabTo(page, page.getByRole("radio", { name: "Now" }));
    await page.keyboard.press("ArrowRight");
    const slider = page.getByRole("slider");
    await tabTo(page, slider);
    await page.getByText("Allowed", { exact: true }).waitFor();
    await page.keyboard.press("Home");
    await page.waitForURL(/at=/);
    await page.getByText("Allowed", { exact: true }).waitFor({ state: "detached" });
    await until("the slider has the focus still", () => focused(slider));
    // It is read out as a time.
    assert.match((await slider.getAttribute("aria-valuetext")) ?? "", /^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d$/);
    await page.keyboard.press("End");
    await page.getByText("Allowed", { exact: true }).waitFor();
  });
});

test("an older policy is restored by keyboard", async () => {
  const body = { name: "Printers", effect: "allow" as const, destinations: ["172.16.50.0/24"] };
  const id = await created(client.POST("/admin/policies", { body }));
  const now = { destinations: ["172.16.51.0/24"] };
  await client.PATCH("/admin/policies/{id}", { params: { path: { id } }, body: now });
  await by(async (page) => {
    await page.goto(`/policies/${id}`);
    await settled(page);
    await tabTo(page, page.getByRole("tab", { name: "Policy", exact: true }));
    await page.keyboard.press("ArrowRight");
    await page.keyboard.press("ArrowRight");
    const restore = button(page, "Restore this version");
    const compare = button(page, "Compare with the present");
    await enter(page, compare);
    await page.getByRole("dialog").getByText("172.16.51.0/24").waitFor();
    await page.keyboard.press("Escape");
    await back(page, compare);
    await enter(page, restore);
    await enter(page, button(page.getByRole("dialog"), "Restore this version"));
    await page.getByRole("dialog").waitFor({ state: "detached" });
    await until("it is what it was", async () => {
      const { data } = await client.GET("/admin/policies/{id}", { params: { path: { id } } });
      return data?.destinations.join() === "172.16.50.0/24";
    });
    await kept(page);
  });
});

test("an entry of the audit log is opened by keyboard", async () => {
  await created(client.POST("/admin/groups", { body: { name: "Archivists" } }));
  await by(async (page) => {
    await go(page, "a", "/audit");
    const entry = button(page, "Group “Archivists” created");
    await enter(page, entry);
    const drawer = page.getByRole("dialog");
    await enter(page, button(drawer, "As it is stored (JSON)"));
    await drawer.getByText('"event_type": "group.created"').waitFor();
    await page.keyboard.press("Escape");
    await back(page, entry);
  });
});
