/** Users and groups. */

import assert from "node:assert/strict";
import { after, before, test } from "node:test";

import type { Browser, Page } from "playwright-core";

import type { Api } from "../src/api/client.ts";
import { t } from "../src/text/common.ts";
import { usersText } from "../src/text/users.ts";
import { admin, created, device, gateway, Node, user } from "./harness/api.ts";
import { signIn, startBrowser, type Visit, visit } from "./harness/browser.ts";
import { open, settled } from "./harness/pages.ts";
import { ADMIN, type Server, startServer } from "./harness/server.ts";

let browser: Browser;
let server: Server;
let client: Api;

before(async () => {
  server = await startServer();
  browser = await startBrowser();
  client = await admin(server);
  const id = await gateway(client, "fra-1", "100.96.0.0/20");
  await Node.join(server, client, id);
});

after(async () => {
  await browser?.close();
  await server?.stop();
});

async function as(username: string, path: string): Promise<Visit> {
  const guest = await visit(browser, server);
  await signIn(guest.page, username);
  await settled(guest.page);
  await open(guest.page, path);
  return guest;
}

/** Opens the menu of a page and chooses this. */
async function choose(page: Page, name: string): Promise<void> {
  await page.getByRole("button", { name: "More actions" }).click();
  await page.getByRole("menuitem", { name }).click();
}

test("of a file with bad rows the good ones are imported, and the bad ones explained", async () => {
  await created(client.POST("/admin/groups", { body: { name: "Imported" } }));
  const guest = await as(ADMIN, "/users");
  const { page } = guest;
  await page.getByRole("button", { name: "Import", exact: true }).click();
  const rows = ["username,email,groups", "ines,ines@example.com,Imported", "admin,,", "jon,,Nowhere"];
  const buffer = Buffer.from(rows.join("\n"));
  await page.locator("input[type=file]").setInputFiles({ name: "staff.csv", mimeType: "text/csv", buffer });
  await page.getByText("2 of 3 rows cannot be imported").waitFor();
  const bad = page.getByRole("table", { name: "Rows with problems" });
  await bad.getByRole("row", { name: /^3 admin .*username/ }).waitFor();
  await bad.getByRole("row", { name: /^4 jon .*Nowhere/ }).waitFor();
  await page.getByRole("button", { name: "Import the other user" }).click();
  await page.getByText("1 user was imported.").waitFor();
  await page.getByRole("dialog").getByRole("button", { name: "Close" }).last().click();
  await page.getByRole("link", { name: "ines", exact: true }).waitFor();
  await guest.close();
});

test("a bulk action says of whom it failed, and why", async () => {
  await user(client, "kai");
  const guest = await as(ADMIN, "/users?sort=username");
  const { page } = guest;
  await page.getByLabel("Select admin").check();
  await page.getByLabel("Select kai").check();
  const bar = page.getByRole("region", { name: "2 selected" });
  await bar.getByRole("button", { name: "Disable" }).click();
  const dialog = page.getByRole("dialog");
  await dialog.getByText("These 2: admin, kai").waitFor();
  // Nobody would be left to administer: that is known before as well.
  const refused = dialog.getByRole("alert").filter({ hasText: "For 1 of them it would be refused" });
  await refused.getByText(/^admin: /).waitFor();
  await dialog.getByRole("button", { name: "Disable" }).click();
  const outcome = page.getByRole("dialog", { name: "Not everything was done" });
  await outcome.getByText(/^admin: /).waitFor();
  await dialog.getByRole("button", { name: "Close" }).last().click();
  await page.getByRole("row", { name: /kai/ }).getByText("disabled").waitFor();
  await page.getByRole("row", { name: /^Select admin/ }).getByText("active").waitFor();
  await guest.close();
});

test("a new user signs in with the password that was handed over", async () => {
  const guest = await as(ADMIN, "/users");
  const { page } = guest;
  await page.keyboard.press("c");
  await page.getByLabel("Username").fill("lena");
  await page.getByLabel("With an initial password").check();
  await page.getByRole("button", { name: "Generate" }).click();
  await page.getByRole("dialog").getByRole("button", { name: "Create user" }).click();
  const shown = page.getByRole("dialog").locator("pre");
  const password = (await shown.textContent()) ?? "";
  assert.match(password, /^[a-z2-9-]{23}$/);
  await page.getByRole("button", { name: "I have kept it" }).click();
  await guest.close();
  const lena = await visit(browser, server);
  await signIn(lena.page, "lena", password);
  await lena.page.getByRole("heading", { name: "Choose a password of your own" }).waitFor();
  await lena.close();
});

test("what the server refuses is said in the form, beside the field", async () => {
  await user(client, "taken");
  const guest = await as(ADMIN, "/users");
  const { page } = guest;
  await page.getByRole("button", { name: usersText.create }).click();
  const dialog = page.getByRole("dialog");
  const field = dialog.getByRole("textbox", { name: usersText.username });
  await field.fill("taken");
  await dialog.getByRole("button", { name: usersText.create }).click();
  await dialog.getByRole("alert").getByText(t.problem.fields).waitFor();
  await dialog.getByText("another user has this username").waitFor();
  assert.equal(await field.getAttribute("aria-invalid"), "true");
  assert.equal(await field.inputValue(), "taken");
  await field.fill("free");
  await dialog.getByRole("button", { name: usersText.create }).click();
  await dialog.waitFor({ state: "detached" });
  await page.getByRole("link", { name: "free", exact: true }).waitFor();
  await guest.close();
});

test("who leaves a group loses what it opened, and the group can be made what it was", async () => {
  const id = await user(client, "mona");
  await device(client, id, "mona-laptop");
  const body = { name: "Readers", members: [id] };
  const group = await created(client.POST("/admin/groups", { body }));
  const targets = [{ type: "group" as const, id: group }];
  const policy = { name: "Library", effect: "allow" as const, destinations: ["172.16.77.0/24"], targets };
  await created(client.POST("/admin/policies", { body: policy }));
  const guest = await as(ADMIN, `/groups/${group}`);
  const { page } = guest;
  await page.getByRole("button", { name: "Remove mona" }).click();
  const dialog = page.getByRole("dialog");
  await dialog.getByText("172.16.77.0/24").waitFor();
  await dialog.getByRole("button", { name: "Remove" }).click();
  await page.getByText("The group has no members.").waitFor();
  await page.getByRole("tab", { name: "History" }).click();
  const before = page.getByRole("button", { name: "Restore this version" }).first();
  await before.click();
  await dialog.getByText("Members again").waitFor();
  await dialog.getByText("mona", { exact: true }).waitFor();
  await dialog.getByText("172.16.77.0/24").waitFor();
  await dialog.getByRole("button", { name: "Restore this version" }).click();
  await page.getByText("The group is what it was.").waitFor();
  await page.getByRole("tab", { name: "Members" }).click();
  await page.getByRole("link", { name: "mona" }).waitFor();
  await guest.close();
});

test("why somebody made and changed a user and a group is in their history", async () => {
  const guest = await as(ADMIN, "/users");
  const { page } = guest;
  const dialog = page.getByRole("dialog");
  const why = dialog.getByRole("textbox", { name: "Reason, for the audit log" });
  const said = (reason: string) => page.getByText(`by ${ADMIN} · ${reason}`);
  await page.getByRole("button", { name: "Create user" }).click();
  await dialog.getByLabel("Username").fill("runa");
  await why.fill("Begins in Zürich");
  await dialog.getByRole("button", { name: "Create user" }).click();
  await page.getByRole("link", { name: "runa", exact: true }).click();
  await page.getByRole("button", { name: "Edit" }).click();
  await dialog.getByRole("textbox", { name: "Name", exact: true }).fill("Runa Berg");
  await why.fill("Married");
  await dialog.getByRole("button", { name: "Save" }).click();
  await page.getByRole("tab", { name: "History" }).click();
  await said("Begins in Zürich").waitFor();
  await said("Married").waitFor();

  await open(page, "/groups");
  await page.getByRole("button", { name: "Create group" }).click();
  await dialog.getByRole("textbox", { name: "Name", exact: true }).fill("Divers");
  await why.fill("The new pool");
  await dialog.getByRole("button", { name: "Create group" }).click();
  await page.getByRole("button", { name: "Edit" }).click();
  await dialog.getByRole("textbox", { name: "Description" }).fill("Who goes under");
  await why.fill("Nobody knew what it was for");
  await dialog.getByRole("button", { name: "Save" }).click();
  await page.getByRole("tab", { name: "History" }).click();
  await said("The new pool").waitFor();
  await said("Nobody knew what it was for").waitFor();
  await guest.close();
});

test("deleting keeps the history, erasing takes the name out of it", async () => {
  const id = await user(client, "nora");
  const guest = await as(ADMIN, `/users/${id}`);
  const { page } = guest;
  await choose(page, "Delete");
  await page.getByRole("dialog").getByRole("button", { name: "Delete" }).click();
  await page.getByText("“nora” was deleted.").waitFor();
  await open(page, `/users/${id}`);
  await page.getByRole("heading", { name: "This user was deleted" }).waitFor();
  await page.getByText("User “nora” created").waitFor();
  await page.getByRole("button", { name: "Erase" }).click();
  const erase = page.getByRole("dialog").getByRole("button", { name: "Erase" });
  assert(await erase.isDisabled());
  await page.getByLabel("To go on, type “erase”").fill("erase");
  await erase.click();
  await page.getByText("The personal data was erased.").waitFor();
  await page.getByText("Personal data of the user erased").waitFor();
  await page.getByText("nora").first().waitFor({ state: "detached" });
  await guest.close();
});
