/**
 * Writes a picture of every page and of every dialog, at desktop and phone width, in light and
 * dark, into `screenshots/`:
 *
 *     npm run screenshots [-- name…]     all, or those whose names begin so
 */

import { mkdirSync } from "node:fs";

import type { Page } from "playwright-core";

import { admin } from "../e2e/harness/api.ts";
import { DESKTOP, PHONE, recolor, signIn, startBrowser, visit } from "../e2e/harness/browser.ts";
import { begun, company, FIRST, NEWCOMER } from "../e2e/harness/company.ts";
import { dialogs, openDialog } from "../e2e/harness/dialogs.ts";
import { arrive, bare, FRESH, open, OWN, OWN_BARE, pages, type Place, settled } from "../e2e/harness/pages.ts";
import { ADMIN, type Server, startServer } from "../e2e/harness/server.ts";
import { withTraffic } from "../e2e/harness/traffic.ts";
import { sessionText } from "../src/text/session.ts";

const wanted = process.argv.slice(2);
const directory = new URL("../screenshots/", import.meta.url).pathname;
const asked = ({ name }: { name: string }) => wanted.length === 0 || wanted.some((begin) => name.startsWith(begin));
/** Whether a picture is of what there is before there is a company. */
const isEarly = (name: string) => /^(first|bare)-/.test(name);
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

type Take = (name: string, fullPage: boolean) => Promise<void>;
type Act = (page: Page, take: Take, as: (username: string) => Promise<void>) => Promise<void>;
type Size = readonly [name: string, viewport: typeof DESKTOP];
const SIZES: readonly Size[] = [
  ["desktop", DESKTOP],
  ["phone", PHONE],
];

/** A browser of its own, whose pages are taken in both colour schemes; what it complains about is said. */
async function photographed(server: Server, [size, viewport]: Size, act: Act): Promise<void> {
  const guest = await visit(browser, server, { viewport });
  const { page } = guest;
  await withTraffic(page);
  const take: Take = async (name, fullPage) => {
    for (const colorScheme of ["light", "dark"] as const) {
      await recolor(page, colorScheme);
      await page.screenshot({ path: `${directory}/${name}.${size}.${colorScheme}.png`, fullPage });
    }
  };
  const as = async (username: string) => {
    await guest.context.clearCookies();
    await signIn(page, username);
    await page.getByRole("button", { name: sessionText.submit }).waitFor({ state: "detached" });
  };
  await act(page, take, as);
  for (const complaint of guest.complaints) {
    console.error(`the browser: ${complaint}`);
  }
  await guest.context.close();
}

/** Pictures of pages, those that were asked for. */
async function takeAll(page: Page, places: readonly Place[], take: Take): Promise<void> {
  for (const place of places.filter(asked)) {
    await arrive(page, place);
    await drawnWhole(page);
    await take(place.name, true);
  }
}

/** What there is at first, before anybody has made anything, and soon after. */
async function first(): Promise<void> {
  const server = await startServer();
  try {
    const client = await admin(server);
    for (const size of SIZES) {
      await photographed(server, size, async (page, take, as) => {
        await as(ADMIN);
        await takeAll(page, FRESH, take);
      });
    }
    const made = bare(await begun(client));
    for (const size of SIZES) {
      await photographed(server, size, async (page, take, as) => {
        await as(ADMIN);
        await takeAll(page, made, take);
        await as(FIRST);
        await takeAll(page, OWN_BARE, take);
      });
    }
  } finally {
    await server.stop();
  }
}

/** Everything that a company has. */
async function full(): Promise<void> {
  const server = await startServer();
  try {
    const firm = await company(server);
    for (const size of SIZES) {
      await photographed(server, size, async (page, take, as) => {
        await page.goto("/");
        await page.getByLabel(sessionText.username).waitFor();
        await take("sign-in", false);
        await as(ADMIN);
        await takeAll(page, pages(firm), take);
        await as("alice");
        await takeAll(page, OWN, take);
        await as(NEWCOMER);
        await page.getByRole("heading", { name: sessionText.due }).waitFor();
        await take("password-due", false);
      });
    }
    // The dialogs change the company, so they come after all pages.
    const lying = await dialogs(firm);
    for (const size of SIZES) {
      await photographed(server, size, async (page, take, as) => {
        await as(ADMIN);
        for (const dialog of lying.filter(asked)) {
          await open(page, dialog.path);
          await openDialog(page, dialog).catch((error: unknown) => console.error(`${dialog.name}: ${error}`));
          await take(dialog.name, false);
          await dialog.after?.(page);
        }
      });
    }
  } finally {
    await server.stop();
  }
}

const browser = await startBrowser();
try {
  if (wanted.length === 0 || wanted.some(isEarly)) {
    await first();
  }
  if (wanted.length === 0 || !wanted.every(isEarly)) {
    await full();
  }
  console.log(`the pictures are in ${directory}`);
} finally {
  await browser.close();
}
