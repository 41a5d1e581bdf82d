/** What is in the navigation, in the command palette and behind the shortcuts. */

import {
  IconActivity,
  IconBuildingBroadcastTower,
  IconDeviceLaptop,
  IconHistory,
  IconHome,
  IconLock,
  IconMapSearch,
  IconRosetteDiscountCheck,
  IconShieldCheck,
  IconUser,
  IconUsersGroup,
  IconWebhook,
} from "@tabler/icons-react";

import { to } from "../paths.ts";
import { t } from "../text/common.ts";

export interface Place {
  readonly label: string;
  readonly to: string;
  readonly icon: typeof IconHome;
  /** Pressed after `g`, it goes there. */
  readonly key?: string;
}

const n = t.navigation;

/** What the palette is called: whoever has only own pages finds nothing else in it. */
export function searchText(administers: boolean): string {
  return administers ? t.searchEverything : t.jump;
}

/** For admins and auditors. */
export const administration: readonly Place[] = [
  { label: n.overview, to: to.home(), icon: IconHome, key: "h" },
  { label: n.users, to: to.users(), icon: IconUser, key: "u" },
  { label: n.groups, to: to.groups(), icon: IconUsersGroup, key: "r" },
  { label: n.devices, to: to.devices(), icon: IconDeviceLaptop, key: "d" },
  { label: n.policies, to: to.policies(), icon: IconShieldCheck, key: "p" },
  { label: n.gateways, to: to.gateways(), icon: IconBuildingBroadcastTower, key: "g" },
  { label: n.access, to: to.access(), icon: IconMapSearch, key: "x" },
  { label: n.audit, to: to.audit(), icon: IconHistory, key: "a" },
  { label: n.verify, to: to.verify(), icon: IconRosetteDiscountCheck, key: "v" },
  { label: n.webhooks, to: to.webhooks(), icon: IconWebhook, key: "w" },
];

/** For everybody, about oneself. */
export const own: readonly Place[] = [
  { label: n.me, to: to.me(), icon: IconDeviceLaptop, key: "m" },
  { label: n.security, to: to.security(), icon: IconLock, key: "s" },
  { label: n.activity, to: to.activity(), icon: IconActivity, key: "y" },
];
