/** Every dialog, in both colour schemes and at both widths: readable by everybody, and no wider than the screen. */

import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";

import type { Browser } from "playwright-core";

import { violations } from "./harness/axe.ts";
import { DESKTOP, PHONE, recolor, signIn, startBrowser, visit } from "./harness/browser.ts";
import { company } from "./harness/company.ts";
import { beyond, type Dialog, dialogs, openDialog, OVER_PAGES } from "./harness/dialogs.ts";
import { open, overflowing, settled } from "./harness/pages.ts";
import { ADMIN, type Server, startServer } from "./harness/server.ts";

let server: Server;
let browser: Browser;
let all: Dialog[];

before(async () => {
  server = await startServer();
  browser = await startBrowser();
  all = await dialogs(await company(server));
});

after(async () => {
  await browser?.close();
  await server?.stop();
});

// At once: each has a page of its own, and mostly waits for it.
describe("all dialogs", { concurrency: true }, () => {
  for (const [size, viewport] of [["desktop", DESKTOP], ["phone", PHONE]] as const) {
    test(size, async () => {
      const found: string[] = [];
      const guest = await visit(browser, server, { viewport });
      const { page } = guest;
      await signIn(page, ADMIN);
      await settled(page);
      for (const dialog of all) {
        try {
          await open(page, dialog.path);
          await openDialog(page, dialog);
        } catch (error) {
          found.push(`${dialog.name} cannot be opened: ${error}`);
          continue;
        }
        await recolor(page, "light");
        const seen = await violations(page, { within: OVER_PAGES });
        await recolor(page, "dark");
        // Only the colours are others.
        const dark = await violations(page, { within: OVER_PAGES, rules: ["color-contrast"] });
        found.push(...[...seen, ...dark.map((one) => `dark: ${one}`)].map((one) => `${dialog.name} ${one}`));
        const wide = [...(await overflowing(page)), ...(await beyond(page))];
        found.push(...wide.map((one) => `${dialog.name} too wide: ${one}`));
        await dialog.after?.(page);
      }
      await guest.close();
      assert.deepEqual(found, []);
    });
  }
});
