/**
 * Writes a picture of every page and of every dialog, at desktop and phone width, in light and
 * dark, into `screenshots/`:
 *
 *     npm run screenshots [-- name…]     all, or those whose names begin so
 */

import { mkdirSync } from "node:fs";

import type { Page } from "playwright-core";

import { DESKTOP, PHONE, recolor, signIn, startBrowser, visit } from "../e2e/harness/browser.ts";
import { company, NEWCOMER } from "../e2e/harness/company.ts";
import { type Dialog, dialogs, openDialog } from "../e2e/harness/dialogs.ts";
import { arrive, open, OWN, pages, settled } from "../e2e/harness/pages.ts";
import { ADMIN, startServer } from "../e2e/harness/server.ts";
import { sessionText } from "../src/text/session.ts";

const wanted = process.argv.slice(2);
const directory = new URL("../screenshots/", import.meta.url).pathname;
const asked = ({ name }: { name: string }) => wanted.length === 0 || wanted.some((begin) => name.startsWith(begin));
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
  // The dialogs change the company, so they come after all pages.
  let lying: Dialog[] | undefined;
  for (const part of ["pages", "dialogs"] as const) {
    for (const [size, viewport] of [["desktop", DESKTOP], ["phone", PHONE]] as const) {
      const guest = await visit(browser, server, { viewport });
      const { page } = guest;
      const take = async (name: string, fullPage: boolean) => {
        for (const colorScheme of ["light", "dark"] as const) {
          await recolor(page, colorScheme);
          await page.screenshot({ path: `${directory}/${name}.${size}.${colorScheme}.png`, fullPage });
        }
      };
      const as = async (username: string) => {
        await guest.context.clearCookies();
        await signIn(page, username);
      };
      await page.goto("/");
      await page.getByLabel("Username").waitFor();
      if (part === "pages") {
        await take("sign-in", false);
      }
      await signIn(page, ADMIN);
      await settled(page);
      if (part === "pages") {
        for (const place of pages(firm).filter(asked)) {
          await arrive(page, place);
          await drawnWhole(page);
          await take(place.name, true);
        }
        await as("alice");
        await settled(page);
        for (const place of OWN.filter(asked)) {
          await arrive(page, place);
          await take(place.name, true);
        }
        await as(NEWCOMER);
        await page.getByRole("heading", { name: sessionText.due }).waitFor();
        await take("password-due", false);
      } else {
        lying ??= await dialogs(firm);
        for (const dialog of lying.filter(asked)) {
          await open(page, dialog.path);
          await openDialog(page, dialog).catch((error: unknown) => console.error(`${dialog.name}: ${error}`));
          await take(dialog.name, false);
          await dialog.after?.(page);
        }
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
