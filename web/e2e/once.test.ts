/** What is shown this once is not lost by a slip of the hand. */

import assert from "node:assert/strict";
import { after, before, test } from "node:test";

import type { Browser, Locator, Page } from "playwright-core";

import type { Api } from "../src/api/client.ts";
import { usersText } from "../src/text/users.ts";
import { admin, gateway, user } from "./harness/api.ts";
import { signIn, startBrowser, visiting } from "./harness/browser.ts";
import { open, settled } from "./harness/pages.ts";
import { ADMIN, type Server, startServer } from "./harness/server.ts";

let browser: Browser;
let server: Server;
let client: Api;

before(async () => {
  server = await startServer();
  browser = await startBrowser();
  client = await admin(server);
});

after(async () => {
  await browser?.close();
  await server?.stop();
});

const button = (place: Page | Locator, name: string) => place.getByRole("button", { name, exact: true });

const shown: Record<string, { path: () => Promise<string>; show: (page: Page) => Promise<void> }> = {
  "the password of a new user": {
    path: async () => "/users",
    show: async (page) => {
      await page.keyboard.press("c");
      const dialog = page.getByRole("dialog");
      await dialog.getByLabel(usersText.username, { exact: false }).first().fill("lena");
      await page.getByLabel("With an initial password").check();
      await button(dialog, "Generate").click();
      await button(dialog, "Create user").click();
    },
  },
  "a password that was set": {
    path: async () => `/users/${await user(client, "paul")}`,
    show: async (page) => {
      await button(page, "More actions").click();
      await page.getByRole("menuitem", { name: "Reset the password" }).click();
      await button(page, "Generate").click();
      await button(page, "Set the password").click();
    },
  },
  "the command with which a node joins": {
    path: async () => `/gateways/${await gateway(client, "fra-1", "100.96.0.0/20")}`,
    show: async (page) => {
      await button(page, "Join token").click();
      await button(page, "Make the token").click();
    },
  },
};

for (const [what, { path, show }] of Object.entries(shown)) {
  test(`${what} is asked about before it is lost`, async () => {
    const at = await path();
    await visiting(browser, server, async ({ page }) => {
      await signIn(page, ADMIN);
      await settled(page);
      await open(page, at);
      await show(page);
      const dialog = page.getByRole("dialog");
      const secret = dialog.getByText("shown this once").or(dialog.getByText(usersText.oneTimeHint)).first();
      await secret.waitFor();
      const question = dialog.getByRole("alert").filter({ hasText: /^Close without/ });
      await page.keyboard.press("Escape");
      await question.waitFor();
      const goBack = async () => {
        await button(question, "Go back to it").click();
        await question.waitFor({ state: "detached" });
        await secret.waitFor();
      };
      await goBack();
      await page.keyboard.press("Control+k");
      await page.evaluate(() => document.querySelector<HTMLElement>("nav a[href='/groups']")?.click());
      await question.waitFor();
      assert.equal(await dialog.count(), 1, "no palette over it");
      await goBack();
      assert.equal(new URL(page.url()).pathname, at);
      // Closing the tab.
      const asked = page.waitForEvent("dialog");
      await page.close({ runBeforeUnload: true });
      const browsers = await asked;
      assert.equal(browsers.type(), "beforeunload");
      await browsers.dismiss();
      await secret.waitFor();
      // The cross.
      await button(dialog, "Close").first().click();
      await question.waitFor();
      await secret.waitFor();
      await button(question, "Close").click();
      await dialog.waitFor({ state: "detached" });
    });
  });
}

test("what leads on from the password of a new user asks as well", async () => {
  await visiting(browser, server, async ({ page }) => {
    await signIn(page, ADMIN);
    await settled(page);
    await page.getByRole("navigation").getByRole("link", { name: "Users" }).click();
    await page.getByRole("heading", { name: "Users", level: 1 }).waitFor();
    const dialog = page.getByRole("dialog");
    const question = dialog.getByRole("alert").filter({ hasText: /^Close without/ });
    const create = async (name: string) => {
      await dialog.getByLabel(usersText.username, { exact: false }).first().fill(name);
      await page.getByLabel("With an initial password").check();
      await button(dialog, "Generate").click();
      await button(dialog, "Create user").click();
      await dialog.getByText(usersText.oneTimeHint).waitFor();
    };
    await page.keyboard.press("c");
    await create("mona");
    await button(dialog, usersText.createAnother).click();
    await question.waitFor();
    await button(question, "Close").click();
    await create("nele");
    await page.evaluate(() => history.back());
    await question.waitFor();
    await button(question, "Go back to it").click();
    await question.waitFor({ state: "detached" });
    await button(dialog, usersText.openUser).click();
    await question.waitFor();
    assert.equal(new URL(page.url()).pathname, "/users");
    await button(question, "Close").click();
    await page.getByRole("heading", { name: "nele", level: 1 }).waitFor();
    // It was asked about; nothing holds whoever goes on from there.
    await page.goBack();
    await page.getByRole("heading", { name: "Users", level: 1 }).waitFor();
    assert.equal(await dialog.count(), 0);
  });
});
