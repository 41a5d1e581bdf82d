/** A page by its keyboard alone. */

import assert from "node:assert/strict";

import type { Locator, Page } from "playwright-core";

import { settled } from "./pages.ts";
import { until } from "./server.ts";

/** So many steps of Tab are enough on any page. */
const STEPS = 120;

export const focused = (place: Locator) => place.evaluate((one) => one === document.activeElement);

export const field = (within: Page | Locator, name: string) => within.getByRole("textbox", { name, exact: true });

/** A field that searches, with its choices. */
export const search = (within: Page | Locator, name: string) =>
  within.getByRole("combobox", { name, exact: true }).or(field(within, name)).last();

export const button = (within: Page | Locator, name: string | RegExp) =>
  within.getByRole("button", { name, exact: typeof name === "string" }).first();

/** Goes on with Tab until this has the focus, which can be seen there. */
export async function tabTo(page: Page, place: Locator): Promise<void> {
  // Boxes and sliders are drawn by what stands for them.
  await place.waitFor({ state: "attached" });
  for (let n = 0; n < STEPS; n += 1) {
    if (await focused(place)) {
      await seen(page);
      return;
    }
    await page.keyboard.press("Tab");
  }
  throw new Error(`no way by Tab to ${place}`);
}

/** What has the focus is marked: by an outline, or as fields are by a border in the primary colour. */
async function seen(page: Page): Promise<void> {
  const what = await page.evaluate(() => document.activeElement?.outerHTML.slice(0, 300));
  await until(`it can be seen that the focus is on ${what}`, () =>
    page.evaluate(() => {
      const one = document.activeElement;
      const probe = document.body.appendChild(document.createElement("i"));
      probe.style.color = "var(--mantine-primary-color-filled)";
      const primary = getComputedStyle(probe).color;
      probe.remove();
      // Of a box, a tab or one field among pills the mark is drawn around what stands for it.
      return [one, one?.nextElementSibling, one?.parentElement, one?.closest(".mantine-Input-input, .mantine-MultiSelect-input")].some((near) => {
        const style = near ? getComputedStyle(near) : undefined;
        const outlined = style?.outlineStyle !== "none" && Number.parseFloat(style?.outlineWidth ?? "") > 0;
        return outlined || style?.borderTopColor === primary;
      });
    }),
  );
}

/** Goes there and presses Enter. */
export async function enter(page: Page, place: Locator): Promise<void> {
  await tabTo(page, place);
  await page.keyboard.press("Enter");
}

/** Goes to a field and types. */
export async function type(page: Page, place: Locator, text: string): Promise<void> {
  await tabTo(page, place);
  await page.keyboard.press("Control+a");
  await page.keyboard.type(text);
}

/** Goes to a field that searches, and chooses what is found. */
export async function pick(page: Page, place: Locator, text: string): Promise<void> {
  await tabTo(page, place);
  await page.keyboard.type(text);
  await page.getByRole("option", { name: text }).first().waitFor();
  await page.keyboard.press("ArrowDown");
  await page.keyboard.press("Enter");
}

/** Goes to a field with a few choices, and to this one by its arrows. */
export async function select(page: Page, place: Locator, name: string): Promise<void> {
  await tabTo(page, place);
  const option = page.getByRole("option", { name, exact: true });
  for (let n = 0; n < STEPS; n += 1) {
    await page.keyboard.press("ArrowDown");
    if ((await option.count()) === 1 && (await option.getAttribute("data-combobox-selected")) === "true") {
      break;
    }
  }
  await page.keyboard.press("Enter");
}

/** Opens the menu of a page, and chooses this by its arrows. */
export async function choose(page: Page, name: string, menu: string | RegExp = "More actions"): Promise<void> {
  await enter(page, button(page, menu));
  const item = page.getByRole("menuitem", { name, exact: true });
  await item.waitFor();
  for (let n = 0; n < 20 && !(await focused(item)); n += 1) {
    await page.keyboard.press("ArrowDown");
  }
  assert.ok(await focused(item), `no way by arrows to ${name}`);
  await page.keyboard.press("Enter");
}

/** By the keys that lead to a page. */
export async function go(page: Page, key: string, path: string): Promise<void> {
  await page.keyboard.press("g");
  await page.keyboard.press(key);
  await page.waitForURL(`**${path}`);
  await settled(page);
}

/** The dialog closes, and the focus is where it was before it opened. */
export async function back(page: Page, to: Locator): Promise<void> {
  await page.getByRole("dialog").waitFor({ state: "detached" });
  await until(`the focus is back on ${to}`, () => focused(to));
}

/** The focus is somewhere on the page, from where Tab goes on. */
export async function kept(page: Page): Promise<void> {
  await until("the focus is on the page", () =>
    page.evaluate(() => document.activeElement !== null && document.activeElement !== document.body),
  );
}
