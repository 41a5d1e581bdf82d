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
    const look = async (page: Page, name: string) => {
      await recolor(page, "light");
      const seen = [...(await violations(page)), ...(await overflowing(page)).map((one) => `too wide: ${one}`)];
      await recolor(page, "dark");
      // Only the colours are others.
      const dark = await violations(page, { rules: ["color-contrast"] });
      found.push(...[...seen, ...dark.map((one) => `dark: ${one}`)].map((one) => `${name} ${one}`));
    };
    const as = async (username: string, places: readonly Place[]) => {
      const guest = await visit(browser, server, { viewport });
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

    const guest = await visit(browser, server, { viewport });
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

test("an auditor sees everything and no way to change anything", async () => {
  const { items } = await expect(firm.admin.GET("/admin/audit-logs", { params: { query: { page_size: 200 } } }));
  const { items: hooks } = await expect(firm.admin.GET("/admin/webhooks"));
  const others = pages(firm).filter(({ path }) => !path.startsWith("/me"));
  const walk = async (username: string) => {
    const found: Record<string, string[]> = {};
    const guest = await visit(browser, server);
    const { page } = guest;
    await signIn(page, username);
    await settled(page);
    for (const place of others) {
      await arrive(page, place);
      // Those of the latest events too, which are this test's own.
      const entries = new Set([...items.map(({ summary }) => summary), ...hooks.map(({ url }) => url), SIGNED_IN]);
      found[place.name] = changing(await controls(page), entries);
    }
    await guest.close();
    return found;
  };
  const [auditor, admin] = await Promise.all([walk(AUDITOR), walk(ADMIN)]);
  const none = others.map(({ name }) => [name, []]);
  assert.deepEqual(auditor, Object.fromEntries(none));
  // What finds nothing there finds something wherever an admin can do something.
  const still = Object.entries(admin).filter(([, names]) => names.length === 0).map(([name]) => name);
  assert.deepEqual(still.filter((name) => !/^(home|access|audit|verify|nowhere)/.test(name)), []);
});

const SIGNED_IN = "Signed in by password";
