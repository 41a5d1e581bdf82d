/** Overview. */

import { LOCALE } from "./locale.ts";

const many = (n: number, one: string, more: string) => `${n.toLocaleString(LOCALE)} ${n === 1 ? one : more}`;

export const homeText = {
  title: "Overview",
  tiles: {
    users: "Users",
    devices: "Active devices",
    policies: "Policies in force",
    gateways: "Gateways converged",
    online: "Devices online",
    ofAll: (n: number, all: number) => `${n.toLocaleString(LOCALE)} of ${all.toLocaleString(LOCALE)}`,
    ofFirst: (n: number, read: number) => `${n.toLocaleString(LOCALE)} of the first ${read.toLocaleString(LOCALE)}`,
    atLeast: (n: number) => `${n.toLocaleString(LOCALE)} or more`,
    seen: (n: string) => `${n} seen within a day`,
    label: "At a glance",
  },
  attention: {
    title: "Needs attention",
    none: "Nothing needs attention.",
    gateway: {
      rejecting: (name: string) => `${name} refuses its newest bundle and enforces an older one`,
      unreachable: (name: string) => `${name} does not report`,
      behind: (name: string) => `${name} is behind its newest bundle`,
      never_joined: (name: string) => `No node has joined as ${name}`,
      history_lost: (name: string) => `${name} knows a newer history than this server`,
    } as Record<string, (name: string) => string>,
    since: "since",
    expires: (name: string) => `${name} expires`,
    newKey: (name: string) => `${name} needs a new key`,
    newKeyBy: (name: string) => `${name} needs a new key before it is cut off`,
    expired: (n: number) => `${many(n, "device has", "devices have")} expired`,
    lapsed: (n: number) => `${many(n, "device was", "devices were")} cut off for want of a new key`,
    failures: (n: number, capped: boolean) =>
      `${many(n, "entry", "entries")}${capped ? " or more" : ""} about failed sign-ins and refused requests within a day`,
    gatewaysRead: (n: number) => `Of the gateways, the first ${n.toLocaleString(LOCALE)} were looked at.`,
    policiesRead: (n: number) => `Of the policies, the first ${n.toLocaleString(LOCALE)} were looked at.`,
    policyEnds: (name: string) => `The policy ${name} ends`,
  },
  gateways: {
    title: "Gateways",
    devices: (n: number) => many(n, "device", "devices"),
    reported: "reported",
    behind: (n: number) => `behind by ${many(n, "revision", "revisions")}`,
    none: "There is no gateway yet.",
    noneHint: "Devices connect to one: create it under “Gateways”, and run the command that is shown on a Linux machine.",
    all: "All gateways",
  },
  traffic: {
    title: "Traffic of the last three hours",
    received: "From devices",
    sent: "To devices",
    none: "No gateway has reported any traffic yet.",
    noneHint: "It appears once a node has joined and devices connect through it. How a node is stands on its gateway’s page, under “Node”.",
    gateway: "Gateway",
    all: "All gateways",
    first: (n: number) => `Of the first ${n.toLocaleString(LOCALE)} gateways.`,
  },
  latest: {
    title: "Latest events",
    all: "The whole audit log",
    live: "New ones appear by themselves.",
    connecting: "Connecting…",
  },
  steps: {
    title: "First steps",
    text: "Four steps until the first device reaches something.",
    gateway: "Add a gateway",
    gatewayText: "A Linux machine that devices connect to. It joins with a command that is shown once.",
    users: "Add users",
    usersText: "One by one, or many from a file.",
    policy: "Write a policy",
    policyText: "Nothing is reached until a policy allows it.",
    device: "Add a device",
    deviceText: "With a QR code or a file, shown once.",
    done: "Done",
    open: "To do",
  },
};
