/** Whether everybody can read what is on the screen. */

import { readFileSync } from "node:fs";
import { createRequire } from "node:module";

import type { AxeResults } from "axe-core";
import type { Page } from "playwright-core";

const axe = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");

/** What axe-core finds on the page, in a line for each. */
export async function violations(
  page: Page,
  { within, rules }: { /** A selector. */ within?: string; /** All where left out. */ rules?: readonly string[] } = {},
): Promise<string[]> {
  // Through the debugger, which the page's Content-Security-Policy does not bind.
  if (!(await page.evaluate("'axe' in window"))) {
    await page.evaluate(axe);
  }
  const context = within === undefined ? "document" : JSON.stringify(within);
  const options = { resultTypes: ["violations"], ...(rules === undefined ? {} : { runOnly: rules }) };
  const results = await page.evaluate<AxeResults>(`axe.run(${context}, ${JSON.stringify(options)})`);
  return results.violations.flatMap((violation) =>
    violation.nodes.slice(0, 3).map((node) => `${violation.id}: ${node.html.slice(0, 160)} (${violation.help})`),
  );
}
