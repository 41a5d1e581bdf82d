/** Every dialog, for checks that all of them have to pass. */

import type { Locator, Page } from "playwright-core";

import { expect } from "../../src/api/client.ts";
import { device } from "./api.ts";
import { still } from "./browser.ts";
import type { Company } from "./company.ts";
import { settled } from "./pages.ts";
import { PASSWORD } from "./server.ts";

export interface Dialog {
  readonly name: string;
  /** The page that it lies over. */
  readonly path: string;
  /** How it is opened there. */
  readonly open: (page: Page) => Promise<void>;
  /** What is waited for; a dialog unless it is something else. */
  readonly shown?: (page: Page) => Locator;
  /** Brings the page back, where what was done outlives it. */
  readonly after?: (page: Page) => Promise<void>;
}

const button = (page: Page | Locator, name: string | RegExp) =>
  page.getByRole("button", { name, exact: typeof name === "string" }).first();
const field = (page: Page, name: string) => page.getByRole("textbox", { name, exact: true });
const dialog = (page: Page) => page.getByRole("dialog").last();
const menu = (page: Page) => page.getByRole("menu");

/** By the buttons of these names, one after the other. */
function press(...names: (string | RegExp)[]) {
  return async (page: Page) => {
    for (const name of names) {
      await button(page, name).click();
    }
  };
}

/** By an item of a menu. */
function choose(item: string | RegExp, menu: string | RegExp = "More actions") {
  return async (page: Page) => {
    await button(page, menu).click();
    await page.getByRole("menuitem", { name: item, exact: typeof item === "string" }).click();
  };
}

/** By selecting the first rows and pressing a button of the bar above them. */
function bulk(rows: number, name: string) {
  return async (page: Page) => {
    for (let n = 0; n < rows; n += 1) {
      await page.getByRole("checkbox", { name: /^Select (?!all)/ }).nth(n).check();
    }
    await button(page.getByRole("region", { name: `${rows} selected` }), name).click();
  };
}

/** Chooses what is found first in a field that searches. */
async function pick(page: Page, label: string, text: string): Promise<void> {
  const place = dialog(page);
  const named = { name: label, exact: true };
  await place.getByRole("combobox", named).or(place.getByRole("textbox", named)).last().fill(text);
  await page.getByRole("option", { name: text }).first().click();
}

/** Edits what somebody else changes at the same moment. */
function conflict(label: string, theirs: (text: string) => Promise<unknown>, open = press("Edit")) {
  return async (page: Page) => {
    await open(page);
    // What is typed last time must not be what somebody else saves this time.
    const now = Date.now();
    await field(page, label).fill(`Mine ${now}`);
    await theirs(`Theirs ${now}`);
    await button(page, "Save").click();
    await page.getByRole("dialog", { name: "Somebody else changed it meanwhile" }).waitFor();
  };
}

/** Adds to the company what only dialogs need, and says how each of them is opened. */
export async function dialogs(firm: Company): Promise<Dialog[]> {
  const client = firm.admin;
  const at = (list: readonly string[], n = 0) => list[n] ?? "";
  const [alice, engineers, laptop, intranet] = [at(firm.users), at(firm.groups), at(firm.devices), at(firm.policies)];
  const [fra, nyc] = [at(firm.gateways), at(firm.gateways, 2)];
  const frank = at(firm.users, 5);
  const spare = await device(client, alice, "spare-phone", { platform: "ios" });
  const path = (id: string) => ({ params: { path: { id } } });
  await expect(client.POST("/admin/devices/{id}/disable", path(spare)));
  // The newest version is not offered to go back to.
  await expect(client.PATCH("/admin/devices/{id}", { ...path(laptop), body: { platform: "macos" } }));

  const rename = {
    user: (display_name: string) => expect(client.PATCH("/admin/users/{id}", { ...path(alice), body: { display_name } })),
    group: (description: string) => expect(client.PATCH("/admin/groups/{id}", { ...path(engineers), body: { description } })),
    device: (name: string) => expect(client.PATCH("/admin/devices/{id}", { ...path(laptop), body: { name } })),
    gateway: (name: string) => expect(client.PATCH("/admin/gateways/{id}", { ...path(fra), body: { name } })),
    policy: (description: string) => expect(client.PATCH("/admin/policies/{id}", { ...path(intranet), body: { description } })),
    webhook: (description: string) => expect(client.PATCH("/admin/webhooks/{id}", { ...path(firm.webhook), body: { description } })),
  };
  const ofHook = (item: string) => choose(item, /^Actions for/);
  const newUser = async (page: Page) => {
    await press("Create user")(page);
    await field(page, "Username").fill(`u${Date.now()}`);
    await page.getByLabel("With an initial password").check();
    await press("Generate")(page);
    await dialog(page).getByRole("button", { name: "Create user" }).click();
    await page.getByRole("button", { name: "I have kept it" }).waitFor();
  };
  const enrol = async (page: Page) => {
    await press("Add device")(page);
    await pick(page, "Owner", "heidi");
    await field(page, "Name").fill(`phone-${Date.now()}`);
    await dialog(page).getByRole("button", { name: /^Add/ }).click();
    await page.getByRole("img", { name: "QR code of the profile" }).waitFor();
  };
  const newPassword = async (page: Page) => {
    await choose("Reset the password")(page);
    await press("Generate", "Set the password")(page);
    await button(page, "I have kept it").waitFor();
  };
  const ofGroups = (item: string) => async (page: Page) => {
    await bulk(3, "Groups")(page);
    await page.getByRole("menuitem", { name: item }).click();
  };
  const chooseFile = (...rows: string[]) => async (page: Page) => {
    await press("Import")(page);
    const buffer = Buffer.from(["username,email,groups", ...rows].join("\n"));
    await page.locator("input[type=file]").setInputFiles({ name: "staff.csv", mimeType: "text/csv", buffer });
    await page.getByText(/can(not)? be imported/).first().waitFor();
  };
  const expire = async (page: Page) => {
    await page.route("**/api/v1/**", (route) =>
      route.fulfill({ status: 401, json: { error: { code: "unauthenticated", message: "over" } } }),
    );
    await page.getByRole("searchbox").fill("a");
    await page.getByRole("dialog", { name: "Your session is over" }).waitFor();
  };
  const passwordDue = async (page: Page) => {
    await expire(page);
    await page.unroute("**/api/v1/**");
    await page.route("**/auth/browser/login", async (route) => {
      const response = await route.fetch();
      await route.fulfill({ response, json: { ...(await response.json()), password_change_required: true } });
    });
    await dialog(page).getByRole("textbox", { name: "Password" }).fill(PASSWORD);
    await button(dialog(page), "Sign in").click();
    await page.getByRole("dialog", { name: "Choose a password of your own" }).waitFor();
  };
  const join = async (page: Page) => {
    await press("Join token", "Make the token")(page);
    await page.getByText("Waiting for the node").waitFor();
  };

  const tried = async (page: Page) => {
    await ofHook("Send a test")(page);
    await page.getByRole("dialog", { name: "Test of the webhook" }).waitFor();
  };

  const shell: Dialog[] = [
    { name: "palette", path: "/users", open: async (page) => {
      await page.keyboard.press("Control+k");
      await page.getByPlaceholder("Search or jump to…").fill("a");
      await page.getByRole("dialog").getByText("admin-laptop").waitFor();
    } },
    { name: "shortcuts", path: "/users", open: (page) => page.keyboard.press("?") },
    { name: "menu-own", path: "/users", open: press(/^Signed in as/), shown: menu },
    { name: "menu-colours", path: "/users", open: press("Colours"), shown: menu },
    { name: "session-over", path: "/users", open: expire, after: (page) => page.unroute("**/api/v1/**") },
    { name: "password-due", path: "/users", open: passwordDue, after: (page) => page.unroute("**/auth/browser/login") },
  ];
  const users: Dialog[] = [
    { name: "user-create", path: "/users", open: (page) => page.keyboard.press("c") },
    { name: "user-created", path: "/users", open: newUser },
    { name: "user-import", path: "/users", open: press("Import") },
    { name: "user-import-bad", path: "/users", open: chooseFile("ines,ines@example.com,Engineering", "admin,,", "jon,,Nowhere") },
    { name: "user-bulk-disable", path: "/users?sort=username", open: bulk(3, "Disable") },
    { name: "user-bulk-enable", path: "/users?sort=username", open: bulk(3, "Enable") },
    { name: "user-bulk-delete", path: "/users?sort=username", open: bulk(3, "Delete") },
    { name: "user-bulk-failed", path: "/users?q=admin", open: async (page) => {
      await bulk(1, "Disable")(page);
      await dialog(page).getByRole("button", { name: "Disable" }).click();
      await page.getByRole("dialog", { name: "Not everything was done" }).waitFor();
    } },
    { name: "user-bulk-group", path: "/users?sort=username", open: ofGroups("Add to a group") },
    { name: "user-bulk-ungroup", path: "/users?sort=username", open: ofGroups("Remove from a group") },
    { name: "user-bulk-group-confirm", path: "/users?sort=username", open: async (page) => {
      await ofGroups("Add to a group")(page);
      await pick(page, "Group", "Engineering");
      await press("Go on")(page);
      await page.getByRole("group", { name: "What it would do" }).waitFor();
    } },
    { name: "user-edit", path: `/users/${alice}`, open: press("Edit") },
    { name: "user-conflict", path: `/users/${alice}`, open: conflict("Name", rename.user) },
    { name: "user-role", path: `/users/${alice}`, open: choose("Change the role") },
    { name: "user-password", path: `/users/${alice}`, open: choose("Reset the password") },
    { name: "user-password-set", path: `/users/${at(firm.users, 4)}`, open: newPassword },
    { name: "user-disable", path: `/users/${alice}`, open: choose("Disable") },
    { name: "user-enable", path: `/users/${frank}`, open: choose("Enable") },
    { name: "user-delete", path: `/users/${alice}`, open: choose("Delete") },
    { name: "user-erase", path: `/users/${alice}`, open: choose("Erase") },
    { name: "user-leave-group", path: `/users/${alice}`, open: press("Remove from Engineering") },
    { name: "user-menu", path: `/users/${alice}`, open: press("More actions"), shown: menu },
    { name: "user-sign-out", path: `/users/${firm.me}?tab=sessions`, open: press("Sign out everywhere") },
    { name: "user-sessions-end", path: `/users/${firm.me}?tab=sessions`, open: press(/^Sign out: /) },
  ];
  const groups: Dialog[] = [
    { name: "group-create", path: "/groups", open: press("Create group") },
    { name: "group-edit", path: `/groups/${engineers}`, open: press("Edit") },
    { name: "group-conflict", path: `/groups/${engineers}`, open: conflict("Description", rename.group) },
    { name: "group-delete", path: `/groups/${engineers}`, open: press("Delete") },
    { name: "group-overtaken", path: `/groups/${engineers}`, open: async (page) => {
      await press("Delete")(page);
      await dialog(page).getByRole("group", { name: "What it would do" }).waitFor();
      await rename.group(`Theirs ${Date.now()}`);
      await dialog(page).getByRole("button", { name: "Delete", exact: true }).click();
      await dialog(page).getByRole("button", { name: "Do it all the same" }).waitFor();
    } },
    { name: "group-add", path: `/groups/${engineers}`, open: press("Add members") },
    { name: "group-remove", path: `/groups/${engineers}`, open: press("Remove alice") },
    { name: "group-restore", path: `/groups/${engineers}?tab=history`, open: press("Restore this version") },
    { name: "group-history-entry", path: `/groups/${engineers}?tab=history`, open: press(/Group “Engineering” created/) },
  ];
  const devices: Dialog[] = [
    { name: "device-enrol", path: "/devices", open: press("Add device") },
    { name: "device-enrolled", path: "/devices", open: enrol },
    { name: "device-enrolled-closing", path: "/devices", open: async (page) => {
      await enrol(page);
      await page.keyboard.press("Escape");
      await page.getByRole("dialog").getByRole("button", { name: "Close", exact: true }).last().waitFor();
    } },
    { name: "device-edit", path: `/devices/${laptop}`, open: press("Edit") },
    { name: "device-conflict", path: `/devices/${laptop}`, open: conflict("Name", rename.device) },
    { name: "device-disable", path: `/devices/${laptop}`, open: press("Disable") },
    { name: "device-enable", path: `/devices/${spare}`, open: press("Enable") },
    { name: "device-profile", path: `/devices/${laptop}`, open: choose(/profile/i) },
    { name: "device-rotate", path: `/devices/${laptop}`, open: choose("Ask for a new key") },
    { name: "device-revoke", path: `/devices/${laptop}`, open: choose("Revoke") },
    { name: "device-restore", path: `/devices/${laptop}?tab=history`, open: press("Restore this version") },
    { name: "device-menu", path: `/devices/${laptop}`, open: press("More actions"), shown: menu },
    { name: "device-bulk-enable", path: "/devices", open: bulk(3, "Enable") },
    { name: "device-bulk-disable", path: "/devices", open: bulk(3, "Disable") },
    { name: "device-bulk-revoke", path: "/devices", open: bulk(3, "Revoke") },
    { name: "device-bulk-move", path: "/devices", open: bulk(3, "Move") },
  ];
  const policies: Dialog[] = [
    { name: "policy-delete", path: `/policies/${intranet}`, open: press("Delete") },
    { name: "policy-conflict", path: `/policies/${intranet}`, open: conflict("Description", rename.policy, async () => {}) },
    { name: "policy-leave", path: `/policies/${intranet}`, open: async (page) => {
      await field(page, "Name").fill("Not to be saved");
      await page.getByRole("link", { name: "Policies" }).last().click();
    } },
    { name: "policy-warn", path: `/policies/${intranet}`, open: async (page) => {
      await page.getByRole("switch", { name: /^Enabled/ }).press("Space");
      await press("Save")(page);
      await page.getByRole("dialog").getByRole("group", { name: "What it would do" }).waitFor();
    } },
    { name: "policy-compare", path: `/policies/${intranet}?tab=history`, open: press("Compare with the present") },
    { name: "policy-restore", path: `/policies/${intranet}?tab=history`, open: press("Restore this version") },
    { name: "policy-restore-deleted", path: `/policies/${firm.gone.policy}`, open: press("Restore this version") },
    { name: "policy-bulk-enable", path: "/policies", open: bulk(3, "Enable") },
    { name: "policy-bulk-disable", path: "/policies", open: bulk(3, "Disable") },
  ];
  const gateways: Dialog[] = [
    { name: "gateway-menu", path: `/gateways/${fra}`, open: press("More actions"), shown: menu },
    { name: "gateway-create", path: "/gateways", open: press("Create gateway") },
    { name: "gateway-edit", path: `/gateways/${fra}`, open: press("Edit") },
    { name: "gateway-conflict", path: `/gateways/${fra}`, open: conflict("Name", rename.gateway) },
    { name: "gateway-join-ask", path: `/gateways/${nyc}`, open: press("Join token") },
    { name: "gateway-join", path: `/gateways/${nyc}`, open: join },
    { name: "gateway-delete", path: `/gateways/${fra}`, open: choose("Delete") },
    { name: "gateway-bundle", path: `/gateways/${fra}?tab=bundles`, open: press(/^Open revision/) },
    { name: "gateway-drain-start", path: `/gateways/${fra}?tab=drain`, open: press("Start the drain") },
    { name: "gateway-drain-end", path: `/gateways/${firm.drained}?tab=drain`, open: press("End the drain") },
    { name: "gateway-rotation-start", path: `/gateways/${fra}?tab=rotation`, open: press("Start the rotation") },
    { name: "gateway-rotation-move", path: `/gateways/${firm.rotating}?tab=rotation`, open: press("Change the time") },
    { name: "gateway-rotation-switch", path: `/gateways/${firm.rotating}?tab=rotation`, open: press("Switch now") },
    { name: "gateway-rotation-off", path: `/gateways/${firm.rotating}?tab=rotation`, open: press("Call it off") },
  ];
  const others: Dialog[] = [
    { name: "webhook-create", path: "/webhooks", open: press("Create webhook") },
    { name: "webhook-secret", path: "/webhooks", open: async (page) => {
      await ofHook("Rotate the secret")(page);
      await press("Rotate")(page);
      await page.getByRole("dialog", { name: "The secret of the webhook" }).waitFor();
    } },
    { name: "webhook-menu", path: "/webhooks", open: press(/^Actions for/), shown: menu },
    { name: "webhook-test", path: "/webhooks", open: tried },
    { name: "webhook-details", path: "/webhooks", open: ofHook("Details and history") },
    { name: "webhook-edit", path: "/webhooks", open: ofHook("Edit") },
    { name: "webhook-conflict", path: "/webhooks", open: conflict("Description", rename.webhook, ofHook("Edit")) },
    { name: "webhook-replay", path: "/webhooks", open: ofHook("Send again from an event") },
    { name: "webhook-rotate", path: "/webhooks", open: ofHook("Rotate the secret") },
    { name: "webhook-disable", path: "/webhooks", open: ofHook("Disable") },
    { name: "webhook-delete", path: "/webhooks", open: ofHook("Delete") },
    { name: "audit-entry-raw", path: "/audit?id=20", open: press(/JSON/) },
    { name: "audit-export", path: "/audit", open: press(/^Export/), shown: menu },
    { name: "audit-compare", path: "/audit/verify", open: press("Compare one that was kept") },
    { name: "access-matrix-cell", path: "/access?tab=matrix", open: press(/Engineering/) },
    { name: "my-device-add", path: "/me", open: press("Add device") },
    { name: "my-device-settings", path: "/me", open: press(/^Settings and what it reaches/) },
    { name: "my-device-rename", path: "/me", open: choose("Rename", /^More for/) },
    { name: "my-device-again", path: "/me", open: choose("Set up again", /^More for/) },
    { name: "my-device-remove", path: "/me", open: choose("Remove", /^More for/) },
    { name: "my-session-end", path: "/me/security", open: press(/^Sign out: /) },
    { name: "my-sessions-end", path: "/me/security", open: press("Sign out everywhere") },
  ];
  return [...shell, ...users, ...groups, ...devices, ...policies, ...gateways, ...others];
}

/** Opens it, and waits until it shows what it has to. */
export async function openDialog(page: Page, { open, shown = dialog }: Dialog): Promise<void> {
  await open(page);
  await shown(page).waitFor();
  await settled(page);
  await still(page);
}

/** Where it is: what lies over pages is no part of them. */
export const OVER_PAGES = "[data-portal]";

/** What of it reaches past the screen, where nobody can scroll to it. */
export async function beyond(page: Page): Promise<string[]> {
  return page.evaluate(() => {
    const shown = document.querySelectorAll("[data-portal] *");
    const scrolls = (one: Element) => {
      for (let up = one.parentElement; up !== null && up !== document.body; up = up.parentElement) {
        if (/auto|scroll/.test(getComputedStyle(up).overflowX) && up.scrollWidth > up.clientWidth + 1) {
          return up.getAttribute("role") !== "dialog" && !up.className.includes("Modal");
        }
      }
      return false;
    };
    return [...shown]
      .filter((one) => {
        const { left, right, width } = one.getBoundingClientRect();
        return width > 1 && (right > innerWidth + 1 || left < -1) && !scrolls(one);
      })
      .slice(0, 5)
      .map((one) => `${one.tagName.toLowerCase()} ${one.textContent?.slice(0, 40)}`);
  });
}
