/** A server that answers no question: every page says so, instead of waiting or of claiming that there is nothing. */

import assert from "node:assert/strict";
import { after, before, test } from "node:test";

import type { Browser, Page } from "playwright-core";

import { accessText } from "../src/text/access.ts";
import { auditText } from "../src/text/audit.ts";
import { t } from "../src/text/common.ts";
import { homeText } from "../src/text/home.ts";
import { usersText } from "../src/text/users.ts";
import { signIn, startBrowser, visiting } from "./harness/browser.ts";
import { type Company, company } from "./harness/company.ts";
import { arrive, open, pages, type Place, settled } from "./harness/pages.ts";
import { ADMIN, type Server, startServer } from "./harness/server.ts";

let server: Server;
let browser: Browser;
let firm: Company;

before(async () => {
  server = await startServer();
  browser = await startBrowser();
  firm = await company(server);
});

after(async () => {
  await browser?.close();
  await server?.stop();
});

const BROKEN = { error: { code: "internal", message: "the database does not answer", request_id: "r-1" } };

/** From now on every question is answered so; who is signed in is asked by a POST. */
async function breakReads(page: Page): Promise<void> {
  await page.route("**/api/v1/**", (route) =>
    route.request().method() === "GET" ? route.fulfill({ status: 500, json: BROKEN }) : route.continue(),
  );
}

/** Where nothing is read before somebody asks. */
const ASKED = ["access", "nowhere"];
const CLAIMS = [t.noMatches, t.searching, homeText.attention.none, auditText.empty, usersText.none, accessText.matrix.none];

test("no page waits for ever, or claims that there is nothing", async () => {
  // What a page does by itself while it is open is not answered either.
  const places = pages(firm).map(({ name, path }): Place => ({ name, path }));
  const found: string[] = [];
  // What fails is asked again for seconds: so several look at once.
  const look = async (share: number, of: number) =>
    visiting(browser, server, async ({ page }) => {
      await signIn(page, ADMIN);
      await settled(page);
      await breakReads(page);
      for (const place of places.filter((_, n) => n % of === share)) {
        await arrive(page, place);
        const shown = await page.locator("body").innerText();
        found.push(...CLAIMS.filter((claim) => shown.includes(claim)).map((claim) => `${place.name}: ${claim}`));
        if (!ASKED.includes(place.name) && !shown.includes(t.problem.title)) {
          found.push(`${place.name}: says nothing`);
        }
      }
    });
  await Promise.all([0, 1, 2, 3].map((share) => look(share, 4)));
  assert.deepEqual(found.sort(), []);
});

test("fields and the palette that search say that it failed, and find again once it works", async () => {
  await visiting(browser, server, async ({ page }) => {
    await signIn(page, ADMIN);
    await settled(page);
    await open(page, "/users");
    await breakReads(page);
    const group = page.getByRole("combobox", { name: usersText.group });
    await group.fill("zz");
    await page.getByText(t.searching).waitFor();
    await page.getByRole("option", { name: t.unread }).waitFor();
    assert.equal(await page.getByText(t.noMatches).count(), 0);
    await page.keyboard.press("Escape");

    await page.keyboard.press("Control+k");
    const palette = page.getByRole("dialog");
    await palette.getByPlaceholder(t.searchEverything).fill("zz");
    await palette.getByText(t.searching).waitFor();
    await palette.getByText(t.unread).waitFor();
    assert.equal(await palette.getByText(t.noMatches).count(), 0);

    await page.unroute("**/api/v1/**");
    await palette.getByPlaceholder(t.searchEverything).fill("zzz");
    await palette.getByText(t.noMatches).waitFor();
  });
});
