/** Signing in and out, and what becomes of a page when a session or the connection ends. */

import assert from "node:assert/strict";
import { after, before, test } from "node:test";

import type { Browser, Page } from "playwright-core";

import { expect } from "../src/api/client.ts";
import { t } from "../src/text/common.ts";
import { sessionsText } from "../src/text/sessions.ts";
import { usersText } from "../src/text/users.ts";
import { admin, device, gateway, Node, signedIn, user } from "./harness/api.ts";
import { signIn, startBrowser, visit, visiting } from "./harness/browser.ts";
import { open, settled } from "./harness/pages.ts";
import { ADMIN, ONE_TIME, PASSWORD, type Server, startServer, until } from "./harness/server.ts";

let browser: Browser;
let server: Server;

before(async () => {
  server = await startServer();
  browser = await startBrowser();
  const guest = await visit(browser, server);
  const { page } = guest;
  // The first start: the printed password works once, and has to be replaced.
  await signIn(page, ADMIN, "not the printed password");
  await page.getByRole("alert").getByText("wrong").waitFor();
  await page.getByRole("textbox", { name: "Password" }).fill(ONE_TIME);
  await page.getByRole("button", { name: "Sign in" }).click();
  await page.getByRole("heading", { name: "Choose a password of your own" }).waitFor();
  await page.getByLabel("Present password").fill(ONE_TIME);
  await page.getByRole("textbox", { name: "New password", exact: true }).fill("short");
  await page.getByLabel("New password again").fill("short");
  await page.getByRole("button", { name: "Change the password" }).click();
  await page.getByText("must have at least 12 characters").waitFor();
  await page.getByRole("textbox", { name: "New password", exact: true }).fill(PASSWORD);
  await page.getByLabel("New password again").fill(PASSWORD);
  await page.getByRole("button", { name: "Change the password" }).click();
  await settled(page);
  await page.getByRole("navigation").getByRole("link", { name: "Users" }).waitFor();
  await guest.close();
});

after(async () => {
  await browser?.close();
  await server?.stop();
});

test("no script can read what keeps somebody signed in", async () => {
  await visiting(browser, server, async (guest) => {
    await signIn(guest.page, ADMIN);
    await settled(guest.page);
    const seen = await guest.page.evaluate(() =>
      JSON.stringify([document.cookie, { ...localStorage }, { ...sessionStorage }]),
    );
    assert.doesNotMatch(seen, /refresh|token|eyJ/);
    const cookies = await guest.context.cookies();
    assert.deepEqual(
      cookies.map(({ httpOnly, sameSite, path }) => ({ httpOnly, sameSite, path })),
      [{ httpOnly: true, sameSite: "Strict", path: "/api/v1/auth/browser" }],
    );
  });
});

test("a page that is loaded again and again stays signed in", async () => {
  await visiting(browser, server, async (guest) => {
    await signIn(guest.page, ADMIN);
    await settled(guest.page);
    for (let n = 0; n < 5; n += 1) {
      // The renewal is on its way when the page is left: its answer, and with it the next cookie, may
      // be lost.
      const renewal = guest.page.waitForRequest("**/auth/browser/refresh");
      await guest.page.goto("/", { waitUntil: "commit" });
      await renewal;
    }
    await open(guest.page, "/users");
    await guest.page.getByRole("heading", { name: "Users", level: 1 }).waitFor();
  });
});

test("whoever signs out is out in every tab", async () => {
  await visiting(browser, server, async (guest) => {
    await signIn(guest.page, ADMIN);
    await settled(guest.page);
    const other = await guest.context.newPage();
    await open(other, "/groups");
    await guest.page.getByRole("button", { name: /^Signed in as/ }).click();
    await guest.page.getByRole("menuitem", { name: "Sign out" }).click();
    await guest.page.getByRole("heading", { name: "Sign in" }).waitFor();
    await other.getByRole("heading", { name: "Sign in" }).waitFor();
    await other.reload();
    await other.getByRole("heading", { name: "Sign in" }).waitFor();
  });
});

test("an ended session asks for the password and keeps what was typed", async () => {
  const client = await signedIn(server, ADMIN, PASSWORD);
  await visiting(browser, server, async (guest) => {
    const { page } = guest;
    await signIn(page, ADMIN);
    await settled(page);
    await open(page, "/policies/new");
    await page.getByLabel("Name", { exact: false }).first().fill("Typed before the session ended");
    await expect(client.POST("/auth/logout-all"));
    await page.getByRole("button", { name: "Create", exact: false }).last().click();
    const dialog = page.getByRole("dialog", { name: "Your session is over" });
    await dialog.waitFor();
    await dialog.getByRole("textbox", { name: "Password" }).fill(PASSWORD);
    await dialog.getByRole("button", { name: "Sign in", exact: true }).click();
    await dialog.waitFor({ state: "detached" });
    const typed = await page.getByLabel("Name", { exact: false }).first().inputValue();
    assert.equal(typed, "Typed before the session ended");
  });
});

test("what was refused while a session was over is read again once it is renewed", async () => {
  const client = await signedIn(server, ADMIN, PASSWORD);
  await visiting(browser, server, async (guest) => {
    const { page } = guest;
    await signIn(page, ADMIN);
    await settled(page);
    await open(page, "/policies");
    await expect(client.POST("/auth/logout-all"));
    // A page that was not read before: what it asks for is refused.
    await page.getByRole("navigation").getByRole("link", { name: "Users" }).click();
    const dialog = page.getByRole("dialog", { name: "Your session is over" });
    await dialog.waitFor();
    await dialog.getByRole("textbox", { name: "Password" }).fill(PASSWORD);
    await dialog.getByRole("button", { name: "Sign in", exact: true }).click();
    await dialog.waitFor({ state: "detached" });
    await page.getByRole("link", { name: ADMIN, exact: true }).waitFor();
    assert.equal(await page.getByText(t.problem.title).count(), 0);
  });
});

test("a lost connection is said, and everything goes on when it is back", async () => {
  await visiting(browser, server, async (guest) => {
    const { page } = guest;
    await signIn(page, ADMIN);
    await settled(page);
    await open(page, "/users");
    await guest.context.setOffline(true);
    await page.getByRole("searchbox").fill("somebody");
    await page.getByText("The connection to NexaVPN is lost").first().waitFor();
    await guest.context.setOffline(false);
    await page.getByText("The connection to NexaVPN is lost").first().waitFor({ state: "detached" });
    await page.locator("#content").getByText("Nothing matches the filters").waitFor();
  });
});

test("a form outlives a lost connection, and is sent again", async () => {
  await visiting(browser, server, async ({ page, context }) => {
    await signIn(page, ADMIN);
    await settled(page);
    await open(page, "/users");
    await page.getByRole("button", { name: usersText.create }).click();
    const dialog = page.getByRole("dialog");
    const field = dialog.getByRole("textbox", { name: usersText.username });
    await field.fill("wilma");
    await dialog.getByRole("textbox", { name: usersText.displayName, exact: true }).fill("Wilma Weber");
    const submit = dialog.getByRole("button", { name: usersText.create });
    await context.setOffline(true);
    await submit.click();
    await dialog.getByRole("alert").getByText(t.problem.lost).waitFor();
    assert.equal(await field.inputValue(), "wilma");
    await context.setOffline(false);
    await submit.click();
    await dialog.waitFor({ state: "detached" });
    await page.getByRole("row", { name: /wilma Wilma Weber/ }).waitFor();
  });
});

test("a change whose answer a proxy has lost happens once", async () => {
  const client = await signedIn(server, ADMIN, PASSWORD);
  await visiting(browser, server, async ({ page }) => {
    await signIn(page, ADMIN);
    await settled(page);
    await open(page, "/users");
    await page.getByRole("button", { name: usersText.create }).click();
    const dialog = page.getByRole("dialog");
    await dialog.getByRole("textbox", { name: usersText.username }).fill("otto");
    const statuses: number[] = [];
    await page.route("**/api/v1/admin/users", async (route) => {
      if (route.request().method() !== "POST") {
        return route.fallback();
      }
      const answer = await route.fetch();
      statuses.push(answer.status());
      // The first one gets lost on its way back.
      return statuses.length === 1 ? route.fulfill({ status: 502, body: "Bad Gateway" }) : route.fulfill({ response: answer });
    });
    const submit = dialog.getByRole("button", { name: usersText.create });
    await submit.click();
    await dialog.getByRole("alert").getByText(t.problem.answered(502)).waitFor();
    await submit.click();
    await dialog.waitFor({ state: "detached" });
    assert.deepEqual(statuses, [201, 201]);
    const found = await expect(client.GET("/admin/users", { params: { query: { q: "otto" } } }));
    assert.equal(found.items.length, 1);
  });
});

test("a user sees only what is their own", async () => {
  const client = await signedIn(server, ADMIN, PASSWORD);
  await Node.join(server, client, await gateway(client, "fra-1", "100.96.0.0/24"));
  const ulla = await user(client, "ulla", { password: PASSWORD, must_change_password: false });
  await device(client, (await expect(client.GET("/auth/me"))).id, "admins-laptop");
  await device(client, ulla, "ullas-laptop");
  const sessions = (page: Page) => page.getByRole("list", { name: sessionsText.label }).getByRole("listitem");
  await visiting(browser, server, async ({ page }) => {
    await signIn(page, ADMIN);
    await settled(page);
    for (const path of ["/me", "/me/activity"]) {
      await open(page, path);
      await page.locator("#content").getByText("admins-laptop").first().waitFor();
    }
    await open(page, "/me/security");
    assert.ok((await sessions(page).count()) > 1, "this test and the browser are signed in");
  });
  await visiting(browser, server, async ({ page }) => {
    await signIn(page, "ulla");
    await settled(page);
    assert.equal(new URL(page.url()).pathname, "/me");
    const links = page.getByRole("navigation").getByRole("link");
    const paths = await links.evaluateAll((all) => all.map((one) => one.getAttribute("href")));
    assert.deepEqual(paths, ["/me", "/me/security", "/me/activity"]);
    // The palette offers the same, and looks nobody else up.
    const asked: string[] = [];
    page.on("request", (request) => asked.push(new URL(request.url()).pathname));
    await page.keyboard.press("Control+k");
    const palette = page.getByRole("dialog", { name: "Jump to…" });
    await palette.getByRole("option", { name: "My devices" }).waitFor();
    assert.equal(await palette.getByRole("option").count(), 3);
    await page.keyboard.type("act");
    await palette.getByRole("option", { name: "My activity" }).waitFor();
    await page.keyboard.press("Enter");
    await page.getByRole("heading", { name: "My activity" }).waitFor();
    assert.equal(new URL(page.url()).pathname, "/me/activity");
    assert.deepEqual(asked.filter((path) => path.includes("/admin/")), []);
    for (const path of ["/me", "/me/activity"]) {
      await open(page, path);
      await page.locator("#content").getByText("ullas-laptop").first().waitFor();
      assert.equal(await page.getByText("admins-laptop").count(), 0, path);
    }
    await open(page, "/me/security");
    assert.equal(await sessions(page).count(), 1);
    await open(page, "/users");
    assert.equal(new URL(page.url()).pathname, "/me");
  });
});

test("a refused start is said, and can be tried again", async () => {
  await visiting(browser, server, async (guest) => {
    const { page } = guest;
    await page.route("**/api/v1/auth/browser/refresh", (route) => route.abort());
    await page.goto("/");
    await page.getByText("NexaVPN does not answer").waitFor();
    await page.unroute("**/api/v1/auth/browser/refresh");
    await page.getByRole("button", { name: "Try again" }).click();
    await page.getByRole("heading", { name: "Sign in" }).waitFor();
    await until("nothing is remembered", async () => (await guest.context.cookies()).length === 0);
  });
});

test("the password of the first start was replaced for good", async () => {
  await assert.rejects(admin(server));
});
