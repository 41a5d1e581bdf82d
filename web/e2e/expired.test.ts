/** What becomes of an open page while its session is over. */

import assert from "node:assert/strict";
import { after, before, test } from "node:test";

import type { Browser, Locator, Page } from "playwright-core";

import { type Api, expect } from "../src/api/client.ts";
import { sessionText } from "../src/text/session.ts";
import { admin, device, gateway, Node, signedIn, user } from "./harness/api.ts";
import { signIn, startBrowser, visiting } from "./harness/browser.ts";
import { open, settled } from "./harness/pages.ts";
import { PASSWORD, type Server, startServer, until } from "./harness/server.ts";

const OTHER_PASSWORD = "another battery staple, just as long";

let browser: Browser;
let server: Server;
let client: Api;

before(async () => {
  server = await startServer();
  browser = await startBrowser();
  client = await admin(server);
  await Node.join(server, client, await gateway(client, "fra-1", "100.96.0.0/24"));
});

after(async () => {
  await browser?.close();
  await server?.stop();
});

const button = (place: Page | Locator, name: string) => place.getByRole("button", { name, exact: true });
const over = (page: Page) => page.getByRole("dialog", { name: sessionText.expired });

/** Ends every session of this person. */
async function endSessions(username: string): Promise<void> {
  await expect((await signedIn(server, username, PASSWORD)).POST("/auth/logout-all"));
}

/** Has the page read again, as it does whenever somebody comes back to it. */
async function comeBack(page: Page): Promise<void> {
  await page.evaluate(() => dispatchEvent(new Event("visibilitychange")));
}

async function signInAgain(page: Page, password: string): Promise<void> {
  await over(page).getByRole("textbox", { name: sessionText.password }).fill(password);
  await button(over(page), sessionText.submit).click();
  await over(page).waitFor({ state: "detached" });
}

test("Escape in the dialog that asks for the password leaves the form below as it is", async () => {
  const id = await user(client, "fiona", { display_name: "Fiona" });
  // One whose session can end without this test's own.
  await user(client, "second", { role: "admin", password: PASSWORD, must_change_password: false });
  await visiting(browser, server, async ({ page }) => {
    await signIn(page, "second");
    await settled(page);
    await open(page, `/users/${id}`);
    await button(page, "Edit").click();
    const form = page.getByRole("dialog", { name: "Edit fiona" });
    const field = form.getByRole("textbox", { name: "Name", exact: true });
    await field.fill("Typed before the session ended");
    await endSessions("second");
    await button(form, "Save").click();
    await over(page).waitFor();
    await page.keyboard.press("Escape");
    await page.keyboard.press("Escape");
    assert.equal(await over(page).count(), 1);
    await signInAgain(page, PASSWORD);
    assert.equal(await field.inputValue(), "Typed before the session ended");
    await button(form, "Save").click();
    await form.waitFor({ state: "detached" });
    const saved = await expect(client.GET("/admin/users/{id}", { params: { path: { id } } }));
    assert.equal(saved.display_name, "Typed before the session ended");
  });
});

test("a password that was made anew meanwhile is replaced over the page, which stays", async () => {
  const id = await user(client, "petra", { role: "admin", password: PASSWORD, must_change_password: false });
  await visiting(browser, server, async ({ page }) => {
    await signIn(page, "petra");
    await settled(page);
    await open(page, "/groups");
    await page.keyboard.press("c");
    const form = page.getByRole("dialog", { name: "Create group" });
    const field = form.getByRole("textbox", { name: "Name", exact: true });
    await field.fill("Typed before the password was reset");
    const body = { password: OTHER_PASSWORD, must_change_password: true };
    await expect(client.POST("/admin/users/{id}/password", { params: { path: { id } }, body }));
    await button(form, "Create group").click();
    await over(page).waitFor();
    await signInAgain(page, OTHER_PASSWORD);
    const due = page.getByRole("dialog", { name: sessionText.due });
    await due.getByLabel(sessionText.current).fill(OTHER_PASSWORD);
    await due.getByRole("textbox", { name: sessionText.next, exact: true }).fill(PASSWORD);
    await page.keyboard.press("Escape");
    await due.getByLabel(sessionText.again).fill(PASSWORD);
    await button(due, sessionText.change).click();
    await due.waitFor({ state: "detached" });
    assert.equal(await field.inputValue(), "Typed before the password was reset");
    await button(form, "Create group").click();
    await page.getByRole("heading", { name: "Typed before the password was reset", level: 1 }).waitFor();
  });
});

test("a tab that somebody else takes over shows nothing of who was there before", async () => {
  const make = (name: string) => user(client, name, { password: PASSWORD, must_change_password: false });
  await device(client, await make("xenia"), "xenias-laptop");
  await make("yannick");
  await visiting(browser, server, async ({ page, context }) => {
    await signIn(page, "xenia");
    await page.getByText("xenias-laptop").first().waitFor();
    await settled(page);
    await endSessions("xenia");
    await until("the session is over here", async () => {
      await comeBack(page);
      return (await over(page).count()) === 1;
    });
    const other = await context.newPage();
    await signIn(other, "yannick");
    await settled(other);
    // What is asked for with the new session is not answered, so that only what is kept can be shown.
    await page.route("**/api/v1/me/devices*", async (route) => {
      if (route.request().headers()["authorization"] === undefined) {
        await route.fallback();
      }
    });
    await until("it is somebody else's", async () => {
      await comeBack(page);
      return (await button(page, sessionText.signedInAs("yannick")).count()) === 1;
    });
    assert.equal(await page.getByText("xenias-laptop").count(), 0);
    await page.unroute("**/api/v1/me/devices*");
  });
});
