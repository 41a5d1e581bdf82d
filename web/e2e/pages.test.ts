/** Every page, in both colour schemes and at both widths: readable by everybody. */

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { after, before, test } from "node:test";

import type { AxeResults } from "axe-core";
import type { Browser, Page } from "playwright-core";

import { DESKTOP, PHONE, signIn, startBrowser, visit } from "./harness/browser.ts";
import { type Company, company } from "./harness/company.ts";
import { open, overflowing, pages, settled } from "./harness/pages.ts";
import { ADMIN, type Server, startServer } from "./harness/server.ts";

const axe = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");

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

/** What axe-core finds, in a line for each. */
async function violations(page: Page): Promise<string[]> {
  // Through the debugger, which the page's Content-Security-Policy does not bind.
  await page.evaluate(axe);
  const results = await page.evaluate<AxeResults>("axe.run(document, { resultTypes: ['violations'] })");
  return results.violations.flatMap((violation) =>
    violation.nodes.slice(0, 3).map((node) => `${violation.id}: ${node.html.slice(0, 160)} (${violation.help})`),
  );
}

for (const [size, viewport] of [["desktop", DESKTOP], ["phone", PHONE]] as const) {
  for (const colorScheme of ["light", "dark"] as const) {
    test(`all pages, ${size}, ${colorScheme}`, async () => {
      const found: string[] = [];
      const guest = await visit(browser, server, { viewport, colorScheme });
      await guest.page.goto("/");
      await guest.page.getByLabel("Username").waitFor();
      found.push(...(await violations(guest.page)).map((one) => `sign-in ${one}`));
      await signIn(guest.page, ADMIN);
      await settled(guest.page);
      for (const { name, path } of pages(firm)) {
        await open(guest.page, path);
        const wide = (await overflowing(guest.page)).map((one) => `too wide: ${one}`);
        found.push(...[...(await violations(guest.page)), ...wide].map((one) => `${name} ${one}`));
      }
      await guest.close();
      assert.deepEqual(found, []);
    });
  }
}
