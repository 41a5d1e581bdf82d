/** What can be pressed on a page, and what of it changes nothing. */

import type { Page } from "playwright-core";

import { accessText } from "../../src/text/access.ts";
import { auditText } from "../../src/text/audit.ts";
import { t } from "../../src/text/common.ts";
import { gatewaysText } from "../../src/text/gateways.ts";
import { policiesText } from "../../src/text/policies.ts";
import { verifyText } from "../../src/text/verify.ts";
import { still } from "./browser.ts";

const PRESSED = /^\s*- '?(?:button|menuitem|switch|checkbox) "((?:[^"\\]|\\.)*)"/gm;

/**
 * The names of buttons, switches and boxes of the page and of the dialog over it, of links to where
 * something is created, and of the items of all menus. Without the heads of tables, which sort.
 */
export async function controls(page: Page): Promise<Set<string>> {
  const names = new Set<string>();
  const dialog = page.getByRole("dialog");
  if (await dialog.isVisible()) {
    read(await dialog.ariaSnapshot(), names);
    await page.keyboard.press("Escape");
    await dialog.waitFor({ state: "detached" });
  }
  const content = page.locator("#content");
  read(await content.ariaSnapshot(), names);
  for (const head of await content.getByRole("columnheader").getByRole("button").allInnerTexts()) {
    names.delete(head.trim());
  }
  for (const link of await content.locator("a[data-create]").allInnerTexts()) {
    names.add(link.trim());
  }
  const menus = content.locator("[aria-haspopup=menu]:visible");
  for (let n = 0; n < (await menus.count()); n += 1) {
    await menus.nth(n).click();
    const menu = page.getByRole("menu");
    await menu.waitFor();
    read(await menu.ariaSnapshot(), names);
    await page.keyboard.press("Escape");
    await menu.waitFor({ state: "detached" });
    await still(page);
  }
  return names;
}

function read(snapshot: string, names: Set<string>): void {
  for (const [, name = ""] of snapshot.matchAll(PRESSED)) {
    names.add(name.replaceAll('\\"', '"'));
  }
}

/** A text with any number in the place of the 7, and any words in the place of the star. */
function like(text: string): RegExp {
  const literal = text.replace(/[.*+?^${}()|[\]\\]/g, "\\$&");
  return new RegExp(`^${literal.replaceAll("7", "[\\d,]+").replaceAll("\\*", ".+")}$`);
}

/** What only looks, and the one thing that auditors do: they pin checkpoints. Whatever else there is changes something. */
const READING: readonly RegExp[] = [
  ...[t.export, t.previous, t.next, t.first, t.older, t.clearFilters, t.clearSearch, t.close, t.retry],
  ...[auditText.live.label, auditText.live.pause, auditText.filters.more(0), auditText.filters.more(7), auditText.raw],
  ...[auditText.exporting.label, auditText.exporting.csv, auditText.exporting.ndjson],
  ...[auditText.entry.older, auditText.entry.newer, auditText.entry.copy],
  ...[accessText.ask, accessText.when.toNow, accessText.justBefore, accessText.notAsked(1), accessText.notAsked(7)],
  ...[...Object.values(accessText.diff.presets), accessText.diff.show, accessText.matrix.cell("*", "*", "*")],
  ...[policiesText.history.compare, policiesText.history.show, gatewaysText.bundles.open(7)],
  ...[verifyText.checkAgain, verifyText.event.prove, verifyText.pins.pin, verifyText.pins.compare],
  ...[verifyText.offline.archive, verifyText.offline.keyFile, verifyText.offline.checkpointFile],
  `${t.copy}: *`,
].map(like);

/** What of these changes something; `entries` are what buttons are called that open an entry of a list. */
export function changing(names: Iterable<string>, entries: ReadonlySet<string>): string[] {
  return [...names].filter((name) => !entries.has(name) && !READING.some((one) => one.test(name)));
}
