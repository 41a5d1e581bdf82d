/** Every page: readable by everybody, and for auditors without a way to change anything. */

import assert from "node:assert/strict";
import { after, before, test } from "node:test";

import type { Browser, Page } from "playwright-core";

import { expect } from "../src/api/client.ts";
import { t } from "../src/text/common.ts";
import { sessionText } from "../src/text/session.ts";
import { admin } from "./harness/api.ts";
import { violations } from "./harness/axe.ts";
import { DESKTOP, PHONE, recolor, signIn, startBrowser, visit } from "./harness/browser.ts";
import { AUDITOR, begun, type Company, company, FIRST, NEWCOMER } from "./harness/company.ts";
import { changing, controls } from "./harness/controls.ts";
import { arrive, bare, FRESH, overflowing, OWN, OWN_BARE, pages, type Place, problems, settled } from "./harness/pages.ts";
import { ADMIN, type Server, startServer } from "./harness/server.ts";
import { withTraffic } from "./harness/traffic.ts";

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

/** Looks at pages in both colour schemes, and keeps what is wrong with them. */
class Looking {
  readonly found: string[] = [];
  scheme: "light" | "dark" = "light";

  async look(page: Page, name: string): Promise<void> {
    const seen = [...(await violations(page)), ...(await overflowing(page)).map((one) => `too wide: ${one}`)];
    this.found.push(...seen.map((one) => `${name}, ${this.scheme}: ${one}`));
    this.scheme = this.scheme === "light" ? "dark" : "light";
    await recolor(page, this.scheme);
    // Only the colours are others. The next page begins with these.
    const recolored = await violations(page, { rules: ["color-contrast"] });
    this.found.push(...recolored.map((one) => `${name}, ${this.scheme}: ${one}`));
  }

  /** Goes to all of these; `also` is another size in which they have to have room. */
  async walk(page: Page, places: readonly Place[], also?: typeof PHONE): Promise<void> {
    for (const place of places) {
      await arrive(page, place);
      await this.look(page, place.name);
      if (also !== undefined) {
        const size = page.viewportSize();
        await page.setViewportSize(also);
        this.found.push(...(await overflowing(page)).map((one) => `${place.name}, too wide: ${one}`));
        await page.setViewportSize(size ?? DESKTOP);
      }
      const expected = place.name === "nowhere" ? [t.problem.notFound] : [];
      assert.deepEqual(await problems(page), expected, place.name);
    }
  }
}

for (const [size, viewport] of [["desktop", DESKTOP], ["phone", PHONE]] as const) {
  test(`all pages, ${size}, in both colour schemes`, async () => {
    const looking = new Looking();
    const as = async (username: string, places: readonly Place[]) => {
      const guest = await visit(browser, server, { viewport, colorScheme: looking.scheme });
      const { page } = guest;
      await withTraffic(page);
      await signIn(page, username);
      await settled(page);
      await looking.walk(page, places);
      await guest.close();
    };
    await as(ADMIN, pages(firm));
    await as("alice", OWN);

    const guest = await visit(browser, server, { viewport, colorScheme: looking.scheme });
    const { page } = guest;
    await page.goto("/");
    await page.getByLabel(sessionText.username).waitFor();
    await looking.look(page, "sign-in");
    await signIn(page, NEWCOMER);
    await page.getByRole("heading", { name: sessionText.due }).waitFor();
    await looking.look(page, "password-due");
    await guest.close();
    assert.deepEqual(looking.found, []);
  });
}

test("all that is empty at first, in both colour schemes", async () => {
  const fresh = await startServer();
  try {
    const client = await admin(fresh);
    const looking = new Looking();
    const [boss, first] = [await visit(browser, fresh), await visit(browser, fresh)];
    await signIn(boss.page, ADMIN);
    await settled(boss.page);
    await looking.walk(boss.page, FRESH, PHONE);
    await looking.walk(boss.page, bare(await begun(client)), PHONE);
    await boss.close();
    await signIn(first.page, FIRST);
    await settled(first.page);
    await looking.walk(first.page, OWN_BARE, PHONE);
    await first.close();
    assert.deepEqual(looking.found, []);
  } finally {
    await fresh.stop();
  }
});

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
