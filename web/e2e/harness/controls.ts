/** What can be pressed on a page, by the names that people hear. */

import type { Page } from "playwright-core";

import { still } from "./browser.ts";

const PRESSED = /^\s*- '?(?:button|menuitem|switch|checkbox) "((?:[^"\\]|\\.)*)"/gm;

/** Buttons, items of menus, switches and boxes of the page itself, those in its menus too. */
export async function controls(page: Page): Promise<Set<string>> {
  const content = page.locator("#content");
  const names = new Set(named(await content.ariaSnapshot()));
  const menus = content.locator("[aria-haspopup=menu]:visible");
  for (let n = 0; n < (await menus.count()); n += 1) {
    await menus.nth(n).click();
    const menu = page.getByRole("menu");
    await menu.waitFor();
    for (const name of named(await menu.ariaSnapshot())) {
      names.add(name);
    }
    await page.keyboard.press("Escape");
    await menu.waitFor({ state: "detached" });
    await still(page);
  }
  return names;
}

function named(snapshot: string): string[] {
  return [...snapshot.matchAll(PRESSED)].map(([, name = ""]) => name.replaceAll('\\"', '"'));
}
