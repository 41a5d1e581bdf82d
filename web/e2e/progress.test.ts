/** What takes long says that it goes on, and how far it has come. */

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { after, before, test } from "node:test";

import type { Browser } from "playwright-core";

import type { Api } from "../src/api/client.ts";
import { t } from "../src/text/common.ts";
import { webhooksText } from "../src/text/webhooks.ts";
import { admin, webhook } from "./harness/api.ts";
import { signIn, startBrowser, visiting } from "./harness/browser.ts";
import { open, settled } from "./harness/pages.ts";
import { ADMIN, type Server, startServer } from "./harness/server.ts";

let browser: Browser;
let server: Server;
let client: Api;

before(async () => {
  server = await startServer();
  browser = await startBrowser();
  client = await admin(server);
});

after(async () => {
  await browser?.close();
  await server?.stop();
});

test("a test of a webhook is seen to be under way, and then what became of it", async () => {
  const url = "https://hooks.example.com/slow";
  await webhook(client, url);
  await visiting(browser, server, async ({ page }) => {
    await signIn(page, ADMIN);
    await settled(page);
    await open(page, "/webhooks");
    let answer: () => void = () => undefined;
    const asked = new Promise<void>((resolve) => {
      answer = resolve;
    });
    let status = 200;
    await page.route("**/api/v1/admin/webhooks/*/test", async (route) => {
      await asked;
      const refused = { error: { code: "internal", message: "the sender does not answer" } };
      const json = status === 200 ? { delivered: true, status: 204, took_ms: 9_000 } : refused;
      await route.fulfill({ status, json });
    });
    const send = async () => {
      await page.getByRole("button", { name: webhooksText.actionsOf(url) }).click();
      await page.getByRole("menuitem", { name: webhooksText.test }).click();
    };
    const dialog = page.getByRole("dialog", { name: webhooksText.testTitle });
    await send();
    await dialog.getByText(webhooksText.testing).waitFor();
    answer();
    await dialog.getByText(webhooksText.testDone(9_000, 204)).waitFor();
    assert.equal(await dialog.getByText(webhooksText.testing).count(), 0);
    await dialog.getByRole("button", { name: t.close }).last().click();
    await dialog.waitFor({ state: "detached" });

    status = 500;
    await send();
    await dialog.getByText("The sender does not answer.").waitFor();
  });
});

test("of a file on its way it is said how much has come", async () => {
  await visiting(browser, server, async ({ page }) => {
    await signIn(page, ADMIN);
    await settled(page);
    await open(page, "/users");
    // A connection that gives one piece at a time: what the answer is made of is told from here.
    await page.evaluate(() => {
      const usual = window.fetch;
      window.fetch = async (asked, how) => {
        if (!(asked instanceof Request) || !asked.url.includes("format=csv")) {
          return usual(asked, how);
        }
        const body = new ReadableStream<Uint8Array>({
          start(controller) {
            Object.assign(window, { pieces: controller });
          },
        });
        return new Response(body);
      };
    });
    const give = (size: number) =>
      page.evaluate((size) => {
        const { pieces } = window as unknown as { pieces: ReadableStreamDefaultController<Uint8Array> };
        if (size === 0) {
          pieces.close();
        } else {
          pieces.enqueue(new TextEncoder().encode("x".repeat(size)));
        }
      }, size);
    const button = page.getByRole("button", { name: t.export });
    await button.click();
    await page.getByText(t.awaited).waitFor();
    await give(120_000);
    await page.getByText(t.received("120 kB")).waitFor();
    await give(1_380_000);
    await page.getByText(t.received("1.5 MB")).waitFor();
    const [file] = await Promise.all([page.waitForEvent("download"), give(0)]);
    assert.equal(readFileSync(await file.path()).length, 1_500_000);
    await button.waitFor();
  });
});
