/** Every page: readable by everybody, and for auditors without a way to change anything. */

import assert from "node:assert/strict";
import { after, before, test } from "node:test";

import type { Browser, Page } from "playwright-core";

import { expect } from "../src/api/client.ts";
import { t } from "../src/text/common.ts";
import { sessionText } from "../src/text/session.ts";
import { violations } from "./harness/axe.ts";
import { DESKTOP, PHONE, recolor, signIn, startBrowser, visit } from "./harness/browser.ts";
import { AUDITOR, type Company, company, NEWCOMER } from "./harness/company.ts";
import { changing, controls } from "./harness/controls.ts";
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
  test(`all pages, ${size}, in both colour schemes`, async () => {
    const found: string[] = [];
    let scheme: "light" | "dark" = "light";
    const look = async (page: Page, name: string) => {
      const seen = [...(await violations(page)), ...(await overflowing(page)).map((one) => `too wide: ${one}`)];
      found.push(...seen.map((one) => `${name}, ${scheme}: ${one}`));
      scheme = scheme === "light" ? "dark" : "light";
      await recolor(page, scheme);
      // Only the colours are others. The next page begins with these.
      const recolored = await violations(page, { rules: ["color-contrast"] });
      found.push(...recolored.map((one) => `${name}, ${scheme}: ${one}`));
    };
    const as = async (username: string, places: readonly Place[]) => {
      const guest = await visit(browser, server, { viewport, colorScheme: scheme });
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

    const guest = await visit(browser, server, { viewport, colorScheme: scheme });
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

/** Where nobody changes anything. */
const UNCHANGING = /^(home|access|audit|verify|gateway-deleted|nowhere)/;

test("an auditor sees everything and no way to change anything", async () => {
  const others = pages(firm).filter(({ path }) => !path.startsWith("/me"));
  const walk = async (username: string) => {
    const found: [string, Set<string>][] = [];
    const guest = await visit(browser, server);
    const { page } = guest;
    await signIn(page, username);
    await settled(page);
    for (const place of others) {
      await arrive(page, place);
      found.push([place.name, await controls(page)]);
    }
    await guest.close();
    return found;
  };
  const [auditor, admin] = await Promise.all([walk(AUDITOR), walk(ADMIN)]);
  // What opens an entry of a list is called as the entry is, also one that came meanwhile.
  const { items: events } = await expect(firm.admin.GET("/admin/audit-logs", { params: { query: { page_size: 200 } } }));
  const { items: hooks } = await expect(firm.admin.GET("/admin/webhooks"));
  const entries = new Set([...events.map(({ summary }) => summary), ...hooks.map(({ url }) => url)]);
  const those = ([name, names]: [string, Set<string>]) => [name, changing(names, entries)] as const;
  assert.deepEqual(auditor.map(those).filter(([, names]) => names.length > 0), []);
  // What finds nothing there finds something wherever an admin can do something.
  const missed = admin.map(those).filter(([name, names]) => names.length === 0 && !UNCHANGING.test(name));
  assert.deepEqual(missed, []);
});
