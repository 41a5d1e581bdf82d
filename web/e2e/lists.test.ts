/** Lists: pages that they do not have any more, and what was chosen in one and is none of another's. */

import assert from "node:assert/strict";
import { after, before, test } from "node:test";

import type { Browser } from "playwright-core";

import { type Api, expect } from "../src/api/client.ts";
import { t } from "../src/text/common.ts";
import { groupsText } from "../src/text/groups.ts";
import { meText } from "../src/text/me.ts";
import { usersText } from "../src/text/users.ts";
import { admin, created, user } from "./harness/api.ts";
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

test("after all rows of the last page are deleted, the list does not say that it is empty", async () => {
  // With the admin there are 27: two on the second page.
  for (let n = 0; n < 26; n += 1) {
    await user(client, `user-${String(n).padStart(2, "0")}`);
  }
  await visiting(browser, server, async ({ page }) => {
    await signIn(page, ADMIN);
    await settled(page);
    await open(page, "/users?page_size=25&page=2");
    await page.getByText("26–27 of 27").waitFor();
    await page.getByLabel(t.selectAll).check();
    await page.getByRole("region", { name: t.selected(2) }).getByRole("button", { name: usersText.bulkActions.delete }).click();
    const dialog = page.getByRole("dialog");
    await dialog.getByRole("button", { name: usersText.bulkActions.delete, exact: true }).click();
    await dialog.waitFor({ state: "detached" });
    await page.getByText(t.pastEnd).waitFor();
    assert.equal(await page.getByText(usersText.none).count(), 0);
    await page.getByRole("button", { name: t.first }).click();
    await page.getByText("1–25 of 25").waitFor();

    // Lists that are no tables.
    await open(page, "/me?page=9");
    await page.getByText(t.pastEnd).waitFor();
    assert.equal(await page.getByText(meText.welcome).count(), 0);
    await open(page, "/me/activity?page=9");
    await page.getByText(t.pastEnd).waitFor();
    assert.equal(await page.getByText(meText.activityNone).count(), 0);
    await page.getByRole("button", { name: t.first }).click();
    await page.getByRole("list", { name: meText.activityLabel }).or(page.getByLabel(meText.activityLabel)).first().waitFor();
  });
});

test("who is chosen in one group is not chosen in the next", async () => {
  const both = [await user(client, "nora"), await user(client, "olaf")];
  for (const name of ["Night shift", "Day shift"]) {
    const id = await created(client.POST("/admin/groups", { body: { name } }));
    for (const user_id of both) {
      const params = { path: { id, user_id } };
      await expect(client.PUT("/admin/groups/{id}/members/{user_id}", { params }));
    }
  }
  await visiting(browser, server, async ({ page }) => {
    await signIn(page, ADMIN);
    await settled(page);
    const go = async (name: string) => {
      await page.keyboard.press("Control+k");
      await page.getByPlaceholder(t.searchEverything).fill(name);
      await page.getByRole("option", { name }).click();
      await page.getByRole("heading", { name, level: 1 }).waitFor();
      await settled(page);
    };
    // The first one is known when one comes back to it, and is shown without a moment in between.
    await go("Night shift");
    await go("Day shift");
    await page.getByLabel(t.select("nora")).check();
    await page.getByRole("region", { name: t.selected(1) }).waitFor();
    await go("Night shift");
    await page.getByLabel(groupsText.members).first().waitFor();
    assert.equal(await page.getByRole("region", { name: t.selected(1) }).count(), 0);
    assert.equal(await page.getByLabel(t.select("nora")).isChecked(), false);
  });
});
