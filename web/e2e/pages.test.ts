/** Every page, in both colour schemes and at both widths: readable by everybody. */

import assert from "node:assert/strict";
import { after, before, test } from "node:test";

import type { Browser } from "playwright-core";

import { violations } from "./harness/axe.ts";
import { DESKTOP, PHONE, signIn, startBrowser, visit } from "./harness/browser.ts";
import { type Company, company } from "./harness/company.ts";
import { open, overflowing, pages, settled } from "./harness/pages.ts";
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
