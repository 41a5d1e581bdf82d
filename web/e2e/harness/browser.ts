/** A real browser. */

import assert from "node:assert/strict";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { type Browser, type BrowserContext, chromium, type Page } from "playwright-core";

import { PASSWORD, type Server } from "./server.ts";

const FLAGS = [
  "--disable-gpu",
  "--disable-quic",
  "--no-first-run",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
];

/** How long a page may take to show something, in milliseconds. */
const PATIENCE = 20_000;

export const DESKTOP = { width: 1280, height: 800 };
export const PHONE = { width: 360, height: 740 };

export async function startBrowser(): Promise<Browser> {
  return chromium.launch({
    executablePath: process.env["NEXAVPN_CHROMIUM"] ?? "/usr/bin/chromium",
    // Chromium's own sandbox does not start as root.
    args: [...FLAGS, ...(process.getuid?.() === 0 ? ["--no-sandbox"] : [])],
  });
}

export interface Visit {
  readonly page: Page;
  readonly context: BrowserContext;
  /** What the browser complained about: broken scripts, what the page's policy forbids. */
  readonly complaints: string[];
  /** Fails where the browser had something to complain about; answers of 4xx may be expected. */
  readonly close: () => Promise<void>;
}

/** A browser of its own for one person. */
export async function visit(
  browser: Browser,
  server: Server,
  options: { viewport?: typeof DESKTOP; colorScheme?: "light" | "dark" } = {},
): Promise<Visit> {
  const context = await browser.newContext({
    baseURL: server.url,
    viewport: options.viewport ?? DESKTOP,
    colorScheme: options.colorScheme ?? "light",
    locale: "en-GB",
    timezoneId: "Europe/Berlin",
    reducedMotion: "reduce",
  });
  context.setDefaultTimeout(PATIENCE);
  const page = await context.newPage();
  const complaints: string[] = [];
  page.on("pageerror", (error) => complaints.push(String(error)));
  page.on("console", (message) => {
    // The browser notes every refused request, also those that a page asks for and handles.
    const refused = /Failed to load resource|net::ERR_/.test(message.text());
    if (message.type() === "error" && !refused) {
      complaints.push(message.text());
    }
  });
  // Nothing is fetched from anybody else.
  page.on("request", (request) => {
    const url = new URL(request.url());
    if (url.origin !== server.url && !["blob:", "data:"].includes(url.protocol)) {
      complaints.push(`asks ${url.origin}`);
    }
  });
  const close = async () => {
    await context.close();
    assert.deepEqual(complaints, []);
  };
  return { page, context, complaints, close };
}

/** Does something in a browser of its own; of what fails there is a picture of how far it came. */
export async function visiting(
  browser: Browser,
  server: Server,
  act: (visit: Visit) => Promise<void>,
): Promise<void> {
  const guest = await visit(browser, server);
  try {
    await act(guest);
  } catch (error) {
    const path = join(tmpdir(), `nexavpn-e2e-${Date.now()}.png`);
    await guest.page.screenshot({ path, fullPage: true });
    console.error(`how far it came: ${path} (${guest.page.url()}; ${guest.complaints.join("; ")})`);
    await guest.context.close();
    throw error;
  }
  await guest.close();
}

/** Shows the page in another colour scheme. */
export async function recolor(page: Page, colorScheme: "light" | "dark"): Promise<void> {
  await page.emulateMedia({ colorScheme });
  await page.locator(`html[data-mantine-color-scheme=${colorScheme}]`).waitFor();
  await still(page);
}

/** Waits until nothing moves: what is half transparent on its way in has less contrast than it will have. */
export async function still(page: Page): Promise<void> {
  await page.waitForFunction(() => document.getAnimations().every(({ playState }) => playState !== "running"));
}

/** Signs in by the form. */
export async function signIn(page: Page, username: string, password: string = PASSWORD): Promise<void> {
  await page.goto("/");
  await page.getByLabel("Username").fill(username);
  await page.getByRole("textbox", { name: "Password" }).fill(password);
  await page.getByRole("button", { name: "Sign in" }).click();
}
