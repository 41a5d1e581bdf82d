/** Every page, in both colour schemes and at both widths: readable by everybody. */

import assert from "node:assert/strict";
import { after, before, test } from "node:test";

import type { Browser, Page } from "playwright-core";

import { t } from "../src/text/common.ts";
import { sessionText } from "../src/text/session.ts";
import { violations } from "./harness/axe.ts";
import { DESKTOP, PHONE, signIn, startBrowser, visit } from "./harness/browser.ts";
import { type Company, company, NEWCOMER } from "./harness/company.ts";
import { arrive, overflowing, OWN, pages, type Place, problems, settled } from "./harness/pages.ts";
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

for (const [size, viewport] of [["desktop", DESKTOP], ["phone", PHONE]] as const) {
  for (const colorScheme of ["light", "dark"] as const) {
    test(`all pages, ${size}, ${colorScheme}`, async () => {
      const found: string[] = [];
      const look = async (page: Page, name: string) => {
        const wide = (await overflowing(page)).map((one) => `too wide: ${one}`);
        found.push(...[...(await violations(page)), ...wide].map((one) => `${name} ${one}`));
      };
      const as = async (username: string, places: readonly Place[]) => {
        const guest = await visit(browser, server, { viewport, colorScheme });
        const { page } = guest;
        await signIn(page, username);
        await settled(page);
        for (const place of places) {
          await arrive(page, place);
          await look(page, place.name);
          const expected = place.name === "nowhere" ? [t.problem.notFound] : [];
          assert.deepEqual(await problems(page), expected, place.name);
        }
        await guest.close();
      };
      await as(ADMIN, pages(firm));
      await as("alice", OWN);

      const guest = await visit(browser, server, { viewport, colorScheme });
      const { page } = guest;
      await page.goto("/");
      await page.getByLabel(sessionText.username).waitFor();
      await look(page, "sign-in");
      await signIn(page, NEWCOMER);
      await page.getByRole("heading", { name: sessionText.due }).waitFor();
      await look(page, "password-due");
      await guest.close();
      assert.deepEqual(found, []);
    });
  }
}
