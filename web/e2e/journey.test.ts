/** From the first start to the audit log, as an admin goes: with a real gateway. */

import assert from "node:assert/strict";
import { after, before, test } from "node:test";

import type { Browser, Page } from "playwright-core";

import { accessText } from "../src/text/access.ts";
import { auditText } from "../src/text/audit.ts";
import { signedIn } from "./harness/api.ts";
import { signIn, startBrowser, visiting } from "./harness/browser.ts";
import { type Gateway, startGateway } from "./harness/gateway.ts";
import { open, settled } from "./harness/pages.ts";
import { ADMIN, ONE_TIME, PASSWORD, type Server, startServer, until } from "./harness/server.ts";

let server: Server;
let browser: Browser;
let gateway: Gateway | undefined;

before(async () => {
  server = await startServer();
  browser = await startBrowser();
});

after(async () => {
  await gateway?.stop();
  await browser?.close();
  await server?.stop();
});

/** A text field by its label, without the star of those that are required. */
const field = (page: Page, name: string) => page.getByRole("textbox", { name, exact: true });
const press = (page: Page, name: string | RegExp) =>
  page.getByRole("button", { name, exact: typeof name === "string" }).last().click();

/** Chooses in a field that searches. */
async function choose(page: Page, label: string, name: string, shown = name): Promise<void> {
  const combobox = page.getByRole("combobox", { name: label, exact: true });
  await combobox.or(field(page, label)).last().fill(name);
  await page.getByRole("option", { name: shown }).click();
}

async function ask(page: Page, query: string): Promise<void> {
  await open(page, `/access?${query}`);
}

/** The explanation says who made it so and when, and by which entry of the log: the number of that. */
async function madeSo(page: Page, summary: string): Promise<string> {
  const said = await page.locator("#content").innerText();
  const pattern = new RegExp(`${accessText.madeSo}:\\s+\\d{4}-\\d\\d-\\d\\d \\d\\d:\\d\\d:\\d\\d by ${ADMIN}\\b[^\n]*entry (\\d+)`);
  const number = pattern.exec(said)?.[1];
  assert.ok(number, said);
  await page.getByRole("link", { name: accessText.entry(Number(number)) }).first().click();
  const drawer = page.getByRole("dialog", { name: auditText.entry.title(Number(number)) });
  await drawer.getByText(summary, { exact: true }).first().waitFor();
  return number;
}

test("an admin's first day", async () => {
  await visiting(browser, server, async (guest) => {
    const { page } = guest;
    await signIn(page, ADMIN, ONE_TIME);
    await field(page, "Present password").fill(ONE_TIME);
    await field(page, "New password").fill(PASSWORD);
    await field(page, "New password again").fill(PASSWORD);
    await press(page, "Change the password");
    await settled(page);

    // A user and a group.
    await page.getByRole("navigation").getByRole("link", { name: "Users", exact: true }).click();
    await press(page, "Create user");
    await field(page, "Username").fill("alice");
    await field(page, "Name").fill("Alice Anderson");
    await press(page, "Create user");
    await page.getByRole("link", { name: "alice", exact: true }).click();
    await page.waitForURL(/\/users\/./);
    const alice = new URL(page.url()).pathname;
    await open(page, "/groups");
    await press(page, "Create group");
    await field(page, "Name").fill("Engineering");
    await choose(page, "Members", "alice");
    await page.keyboard.press("Tab");
    await press(page, "Create group");
    await page.getByRole("heading", { name: "Engineering", level: 1 }).waitFor();

    // A gateway, whose node is a real one.
    await open(page, "/gateways");
    await press(page, "Create gateway");
    await field(page, "Name").fill("fra-1");
    await field(page, "Endpoint").fill("vpn.example.com:51820");
    await field(page, "IPv4 address pool").fill("100.96.0.0/24");
    await press(page, "Create gateway");
    const command = await page.locator("pre", { hasText: " join " }).innerText();
    const token = /join\s+\S+\s+(\S+)/.exec(command)?.[1];
    assert.ok(token, command);
    gateway = await startGateway(server, token);
    await page.getByText("The node has joined.").waitFor();
    await press(page, "Done");

    // A device with a key that is made here.
    await open(page, alice);
    await press(page, "Add device");
    await field(page, "Name").fill("laptop");
    await page.getByRole("radio").first().check();
    await press(page, /^Add/);
    await page.getByRole("img").last().waitFor();
    await press(page, "I have kept it");
    await until("the node has the peer", async () => gateway?.peers().length === 1);

    // A policy, tried before it is saved.
    await open(page, "/policies/new");
    await field(page, "Name").fill("Intranet");
    await field(page, "Destinations").fill("172.16.20.0/24");
    await press(page, "Add");
    await choose(page, "Groups", "Engineering");
    await page.keyboard.press("Escape");
    const preview = page.getByRole("group", { name: "What it would do" });
    await preview.getByText("172.16.20.0/24").waitFor();
    await preview.getByText("laptop of alice").waitFor();
    assert.doesNotMatch(gateway.firewall(), /172\.16\.20\.0/);
    await press(page, /^Create/);
    await page.waitForURL(/\/policies\/[0-9a-f-]{36}/);
    const policy = new URL(page.url()).pathname;
    await until("the node opens it", async () => gateway?.firewall().includes("172.16.20.0/24"));
    await open(page, "/gateways");
    await page.getByText("converged", { exact: true }).waitFor();

    // Why it is open; it is changed; the older version comes back.
    await open(page, "/devices");
    const device = (await page.getByRole("link", { name: "laptop" }).getAttribute("href")) ?? "";
    const question = `device=${device.split("/").pop()}&destination=172.16.20.5&protocol=tcp&port=443`;
    await ask(page, question);
    await page.getByText("Allowed", { exact: true }).waitFor();
    await page.getByRole("link", { name: "Intranet" }).first().waitFor();
    await madeSo(page, "Policy “Intranet” created");
    await open(page, policy);
    await field(page, "Destinations").fill("172.16.21.0/24");
    await press(page, "Add");
    await press(page, /^Remove 172\.16\.20\.0/);
    await preview.getByText("172.16.21.0/24").waitFor();
    await press(page, "Save");
    await page.getByText("saved").first().waitFor();
    await ask(page, question);
    await page.getByText("Denied", { exact: true }).waitFor();
    await open(page, `${policy}?tab=history`);
    await press(page, "Restore this version");
    const restoring = page.getByRole("dialog");
    await restoring.getByText("172.16.20.0/24").waitFor();
    await restoring.getByRole("button", { name: "Restore this version" }).click();
    await page.getByText("restored").first().waitFor();
    await until("the node opens it again", async () => gateway?.firewall().includes("172.16.20.0/24"));
    await ask(page, question);
    await page.getByText("Allowed", { exact: true }).waitFor();
    const restored = await madeSo(page, "Policy changed: destinations");

    // Who else gets there, and what the last change has changed.
    await ask(page, "tab=who&destination=172.16.20.5&protocol=tcp&port=443");
    const reaching = page.getByRole("table", { name: accessText.who.label });
    await reaching.getByRole("row", { name: /alice laptop Intranet/ }).waitFor();
    assert.equal(await reaching.getByRole("row").count(), 2, "a head, and nobody else");
    await ask(page, "tab=who&destination=172.16.21.5&protocol=tcp&port=443");
    await page.getByText(accessText.who.none).waitFor();
    await ask(page, `tab=diff&event=${restored}`);
    const changes = page.getByRole("region", { name: accessText.tabs.diff });
    await changes.getByText("laptop of alice").waitFor();
    const what = (await changes.innerText()).replaceAll(/\s+/g, " ");
    assert.match(what, new RegExp(`${accessText.diff.gained} 172\\.16\\.20\\.0/24.*${accessText.diff.lost} 172\\.16\\.21\\.0/24`));

    // The device is lost.
    await open(page, device);
    await press(page, "More actions");
    await page.getByRole("menuitem", { name: "Revoke" }).click();
    const dialog = page.getByRole("dialog");
    await dialog.getByRole("textbox", { name: "Reason, for the audit log" }).fill("Lost on the train to Zürich");
    await dialog.getByRole("button", { name: "Revoke" }).click();
    await until("the node knows it no more", async () => gateway?.peers().length === 0);

    // All of it is on record.
    await open(page, "/audit");
    const told = (await page.getByRole("table").getByRole("button").allInnerTexts()).reverse();
    const steps = [
      "User “alice” created with the role user",
      "Group “Engineering” created",
      "Member added to the group",
      "Gateway “fra-1” created",
      /^Node joined as the gateway/,
      /^Device “laptop” enrolled/,
      "Policy “Intranet” created",
      "Policy changed: destinations",
      "Policy changed: destinations",
      /^Device revoked/,
    ];
    let from = 0;
    for (const step of steps) {
      const at = told.findIndex((one, n) => n >= from && (typeof step === "string" ? one === step : step.test(one)));
      assert.ok(at >= 0, `${step} is in the audit log after the one before:\n${told.join("\n")}`);
      from = at + 1;
    }
    const entry = page.getByRole("dialog");
    await page.getByRole("button", { name: "Policy changed: destinations" }).first().click();
    await entry.getByRole("row", { name: /^destinations.*172\.16\.21\.0\/24.*172\.16\.20\.0\/24/i }).waitFor();
    await page.keyboard.press("Escape");
    await entry.waitFor({ state: "detached" });
    await page.getByRole("button", { name: /^Device revoked/ }).click();
    await entry.getByText("Lost on the train to Zürich").first().waitFor();
    await open(page, `${device}?tab=history`);
    await page.getByText("Lost on the train to Zürich").first().waitFor();
    await open(page, "/audit/verify");
    await page.getByText(/verified up to event/i).first().waitFor();
  });
});

test("whoever edits what somebody else has changed chooses", async () => {
  const client = await signedIn(server, ADMIN, PASSWORD);
  const { data } = await client.GET("/admin/groups");
  const group = data?.items[0];
  assert.ok(group !== undefined);
  await visiting(browser, server, async (guest) => {
    const { page } = guest;
    await signIn(page, ADMIN);
    await settled(page);
    const params = { params: { path: { id: group.id } } };
    const stands = async () => (await client.GET("/admin/groups/{id}", params)).data;
    // Who changes different things need not choose.
    await open(page, `/groups/${group.id}`);
    await press(page, "Edit");
    await field(page, "Name").fill("Builders");
    await client.PATCH("/admin/groups/{id}", { ...params, body: { description: "Theirs 0" } });
    await press(page, "Save");
    await page.getByRole("heading", { name: "Builders", level: 1 }).waitFor();
    assert.equal((await stands())?.description, "Theirs 0");

    for (const [choice, outcome] of [
      ["Save mine over theirs", "Mine"],
      ["Take theirs and go on editing", "Theirs 2"],
    ] as const) {
      await open(page, `/groups/${group.id}`);
      await press(page, "Edit");
      await field(page, "Description").fill(outcome === "Mine" ? outcome : "Mine again");
      const theirs = outcome === "Mine" ? "Theirs 1" : "Theirs 2";
      await client.PATCH("/admin/groups/{id}", { ...params, body: { description: theirs } });
      await press(page, "Save");
      const dialog = page.getByRole("dialog", { name: "Somebody else changed it meanwhile" });
      await dialog.getByText(theirs).waitFor();
      await dialog.getByRole("button", { name: choice }).click();
      await dialog.waitFor({ state: "detached" });
      if (outcome !== "Mine") {
        assert.equal(await field(page, "Description").inputValue(), outcome);
      }
      await until(`the group says ${outcome}`, async () => (await stands())?.description === outcome);
    }
  });
});
