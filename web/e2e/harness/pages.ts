/** Every page, for checks that all of them have to pass. */

import type { Page } from "playwright-core";

import { auditText } from "../../src/text/audit.ts";
import { t } from "../../src/text/common.ts";
import type { Company } from "./company.ts";

export interface Place {
  readonly name: string;
  readonly path: string;
  /** What is done there before anybody looks. */
  readonly act?: (page: Page) => Promise<void>;
}

/** What people see who do not administer. */
export const OWN: readonly Place[] = [
  { name: "own-devices", path: "/me" },
  { name: "own-security", path: "/me/security" },
  { name: "own-activity", path: "/me/activity" },
];

async function live(page: Page): Promise<void> {
  await page.getByLabel(auditText.live.label).check();
  await page.getByText(auditText.live.on).waitFor();
}

/** What is shown over the page is loaded only then, and until it is there nothing says so. */
async function inDialog(page: Page): Promise<void> {
  await page.getByRole("dialog").waitFor();
}

/** Where there is too little room for the navigation it is behind a button. */
async function navigation(page: Page): Promise<void> {
  const button = page.getByRole("button", { name: t.navigation.open });
  if (await button.isVisible()) {
    await button.click();
  }
  await page.getByRole("navigation").getByRole("link", { name: t.navigation.webhooks }).waitFor();
}

/** What an admin sees. */
export function pages(company: Company): Place[] {
  const [user, group, device, policy, gateway] = [
    company.users[0],
    company.groups[0],
    company.devices[0],
    company.policies[0],
    company.gateways[0],
  ];
  const packet = "destination=172.16.10.5&protocol=tcp&port=443";
  return [
    { name: "home", path: "/" },
    { name: "users", path: "/users" },
    { name: "users-none", path: "/users?q=nobody" },
    { name: "navigation", path: "/users", act: navigation },
    { name: "user", path: `/users/${user}` },
    { name: "user-sessions", path: `/users/${user}?tab=sessions` },
    { name: "user-deleted", path: `/users/${company.gone.user}` },
    { name: "user-history", path: `/users/${user}?tab=history` },
    { name: "groups", path: "/groups" },
    { name: "group", path: `/groups/${group}` },
    { name: "group-history", path: `/groups/${group}?tab=history` },
    { name: "group-deleted", path: `/groups/${company.gone.group}` },
    { name: "devices", path: "/devices" },
    { name: "device", path: `/devices/${device}` },
    { name: "device-reaches", path: `/devices/${device}?tab=reaches` },
    { name: "device-profile", path: `/devices/${device}?tab=profile` },
    { name: "device-history", path: `/devices/${device}?tab=history` },
    { name: "policies", path: "/policies" },
    { name: "policy-new", path: "/policies/new" },
    { name: "policy", path: `/policies/${policy}` },
    { name: "policy-history", path: `/policies/${policy}?tab=history` },
    { name: "policy-concerns", path: `/policies/${policy}?tab=concerns` },
    { name: "policy-deleted", path: `/policies/${company.gone.policy}` },
    { name: "gateways", path: "/gateways" },
    { name: "gateway", path: `/gateways/${gateway}` },
    { name: "gateway-deleted", path: `/gateways/${company.gone.gateway}` },
    { name: "gateway-node", path: `/gateways/${gateway}?tab=node` },
    { name: "gateway-bundles", path: `/gateways/${gateway}?tab=bundles` },
    { name: "gateway-drain", path: `/gateways/${gateway}?tab=drain` },
    { name: "gateway-drain-stuck", path: `/gateways/${company.stuck}?tab=drain` },
    { name: "gateway-rotation-begun", path: `/gateways/${company.rotating}?tab=rotation` },
    { name: "gateway-rotation", path: `/gateways/${gateway}?tab=rotation` },
    { name: "gateway-history", path: `/gateways/${gateway}?tab=history` },
    { name: "access", path: "/access" },
    { name: "access-answer", path: `/access?device=${device}&${packet}` },
    { name: "access-past", path: `/access?device=${device}&${packet}&at=60` },
    { name: "access-who", path: `/access?tab=who&${packet}` },
    { name: "access-matrix", path: "/access?tab=matrix" },
    { name: "access-diff", path: "/access?tab=diff" },
    { name: "audit", path: "/audit" },
    { name: "audit-entry", path: "/audit?id=5", act: inDialog },
    { name: "audit-more", path: `/audit?actor_id=${company.me}`, act: live },
    { name: "verify", path: "/audit/verify" },
    { name: "verify-event", path: "/audit/verify?event=5" },
    { name: "webhooks", path: "/webhooks" },
    { name: "me", path: "/me" },
    { name: "security", path: "/me/security" },
    { name: "activity", path: "/me/activity" },
    { name: "nowhere", path: "/nowhere" },
  ];
}

/** What there is on a server where nobody has made anything yet. */
export const FRESH: readonly Place[] = [
  { name: "first-home", path: "/" },
  { name: "first-groups", path: "/groups" },
  { name: "first-devices", path: "/devices" },
  { name: "first-policies", path: "/policies" },
  { name: "first-gateways", path: "/gateways" },
  { name: "first-webhooks", path: "/webhooks" },
  { name: "first-who", path: "/access?tab=who&destination=172.16.10.5&protocol=tcp&port=443" },
  { name: "first-matrix", path: "/access?tab=matrix" },
];

/** The first things that somebody has made, with nothing in them, and what is nobody's yet. */
export interface Begun {
  readonly user: string;
  readonly group: string;
  readonly policy: string;
  readonly gateway: string;
}

/** What an admin sees of them. */
export function bare({ user, group, policy, gateway }: Begun): Place[] {
  return [
    { name: "bare-user", path: `/users/${user}` },
    { name: "bare-user-sessions", path: `/users/${user}?tab=sessions` },
    { name: "bare-group", path: `/groups/${group}` },
    { name: "bare-policy-concerns", path: `/policies/${policy}?tab=concerns` },
    { name: "bare-gateway", path: `/gateways/${gateway}` },
    { name: "bare-gateway-node", path: `/gateways/${gateway}?tab=node` },
    { name: "bare-gateway-bundles", path: `/gateways/${gateway}?tab=bundles` },
    { name: "bare-gateway-drain", path: `/gateways/${gateway}?tab=drain` },
    { name: "bare-gateway-rotation", path: `/gateways/${gateway}?tab=rotation` },
  ];
}

/** What is their own, of somebody who has just begun. */
export const OWN_BARE: readonly Place[] = OWN.map(({ name, ...place }) => ({ name: `bare-${name}`, ...place }));

/** Waits until nothing that is shown is being loaded any more: a hidden tab waits until somebody looks. */
export async function settled(page: Page): Promise<void> {
  await page.waitForLoadState("domcontentloaded");
  await page.locator("#content").waitFor();
  // In a tab that is not shown something may wait to be loaded, and what waits for somebody else waits on.
  await page.waitForFunction(() =>
    [...document.querySelectorAll("[aria-busy=true], .mantine-Skeleton-root, .mantine-Loader-root:not([aria-hidden])")].every(
      (one) => !one.checkVisibility(),
    ),
  );
}

/** Goes there, and does what belongs to it. */
export async function arrive(page: Page, { path, act }: Place): Promise<void> {
  await open(page, path);
  await act?.(page);
  await settled(page);
}

/** Goes to a page within the application, which keeps who is signed in. */
export async function open(page: Page, path: string): Promise<void> {
  await page.goto(path);
  await settled(page);
}

/** What a page says instead of what belongs there. */
export async function problems(page: Page): Promise<string[]> {
  const said = [t.problem.title, t.problem.crashed, t.problem.notFound, t.problem.notLoaded, t.problem.noChart];
  // Some of it is said in front of the page.
  const shown = await page.locator("body").innerText();
  return said.filter((one) => shown.includes(one));
}

/** What is wider than the screen, by its tag and words: there, people have to scroll sideways. */
export async function overflowing(page: Page): Promise<string[]> {
  return page.evaluate(() => {
    const { clientWidth, scrollWidth } = document.documentElement;
    if (scrollWidth <= clientWidth) {
      return [];
    }
    return [...document.querySelectorAll("body *")]
      .filter((one) => one.getBoundingClientRect().right > clientWidth + 1)
      .slice(0, 5)
      .map((one) => `${one.tagName.toLowerCase()} ${one.textContent?.slice(0, 40)}`);
  });
}
