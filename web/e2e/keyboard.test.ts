/** Whole flows by the keyboard alone. */

import assert from "node:assert/strict";
import { after, before, test } from "node:test";

import type { Browser, Locator, Page } from "playwright-core";

import { admin } from "./harness/api.ts";
import { startBrowser, visiting } from "./harness/browser.ts";
import { settled } from "./harness/pages.ts";
import { ADMIN, PASSWORD, type Server, startServer, until } from "./harness/server.ts";

let browser: Browser;
let server: Server;

before(async () => {
  server = await startServer();
  browser = await startBrowser();
  await admin(server);
});

after(async () => {
  await browser?.close();
  await server?.stop();
});

/** So many steps of Tab are enough on any page. */
const STEPS = 80;

const focused = (place: Locator) => place.evaluate((one) => one === document.activeElement);

/** Goes on with Tab until this has the focus. */
async function tabTo(page: Page, place: Locator): Promise<void> {
  await place.waitFor();
  for (let n = 0; n < STEPS; n += 1) {
    if (await focused(place)) {
      return;
    }
    await page.keyboard.press("Tab");
  }
  throw new Error(`no way by Tab to ${place}`);
}

async function go(page: Page, key: string, path: string): Promise<void> {
  await page.keyboard.press("g");
  await page.keyboard.press(key);
  await page.waitForURL(`**${path}`);
  await settled(page);
}

const field = (within: Page | Locator, name: string) => within.getByRole("textbox", { name, exact: true });

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
    await tabTo(page, field(page, "Networks"));
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
    await page.getByRole("button", { name: "Made without a mouse" }).waitFor();
    await page.keyboard.press("ArrowDown");
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
