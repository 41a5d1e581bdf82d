/**
 * Writes a picture of every page, at desktop and phone width, in light and dark, into
 * `screenshots/`:
 *
 *     npm run screenshots [-- name…]     all pages, or those whose names begin so
 */

import { mkdirSync } from "node:fs";

import type { Page } from "playwright-core";

import { DESKTOP, PHONE, signIn, startBrowser, visit } from "../e2e/harness/browser.ts";
import { company } from "../e2e/harness/company.ts";
import { open, pages, settled } from "../e2e/harness/pages.ts";
import { ADMIN, startServer } from "../e2e/harness/server.ts";

const wanted = process.argv.slice(2);
const directory = new URL("../screenshots/", import.meta.url).pathname;
mkdirSync(directory, { recursive: true });

/** Looks at all of a page: what lies below is drawn when somebody scrolls to it. */
async function drawnWhole(page: Page): Promise<void> {
  await page.evaluate(async () => {
    const frame = () => new Promise(requestAnimationFrame);
    for (let y = 0; y < document.documentElement.scrollHeight; y += innerHeight / 2) {
      scrollTo(0, y);
      await frame();
      await frame();
    }
    scrollTo(0, 0);
  });
  await settled(page);
}

const server = await startServer();
const browser = await startBrowser();
try {
  const firm = await company(server);
  for (const [size, viewport] of [["desktop", DESKTOP], ["phone", PHONE]] as const) {
    for (const colorScheme of ["light", "dark"] as const) {
      const guest = await visit(browser, server, { viewport, colorScheme });
      await guest.page.goto("/");
      await guest.page.getByLabel("Username").waitFor();
      await guest.page.screenshot({ path: `${directory}/sign-in.${size}.${colorScheme}.png` });
      await signIn(guest.page, ADMIN);
      await settled(guest.page);
      for (const { name, path } of pages(firm)) {
        if (wanted.length > 0 && !wanted.some((begin) => name.startsWith(begin))) {
          continue;
        }
        await open(guest.page, path);
        await drawnWhole(guest.page);
        const file = `${directory}/${name}.${size}.${colorScheme}.png`;
        await guest.page.screenshot({ path: file, fullPage: true });
      }
      for (const complaint of guest.complaints) {
        console.error(`the browser: ${complaint}`);
      }
      await guest.context.close();
    }
  }
  console.log(`the pictures are in ${directory}`);
} finally {
  await browser.close();
  await server.stop();
}
