/** What the clock does, where it does so to one or to several. */
const byItself: Readonly<Record<string, (n: number) => string>> = {
  "policy.activated": (n) => (n === 1 ? "a policy begins" : `${n} policies begin`),
  "policy.expired": (n) => (n === 1 ? "a policy ends" : `${n} policies end`),
  "device.expired": (n) => (n === 1 ? "a device expires" : `${n} devices expire`),
  "device.rotation_lapsed": (n) =>
    n === 1 ? "a device needs a new key by then" : `${n} devices need a new key by then`,
};

/** What a change would do. */
export const previewText = {
  title: "What it would do",
  nothing: "It changes nothing about who reaches what.",
  nothingAtOnce: "At once it changes nothing about who reaches what.",
  nothingThen: "Then nothing changes about who reaches what.",
  /** Between a moment and what it brings. Nothing about what a later version of the server may know. */
  then: (events: readonly { readonly event_type: string; readonly count: number }[]) => {
    const words = events.flatMap(({ event_type, count }) => byItself[event_type]?.(count) ?? []);
    return words.length === 0 ? "" : `: ${words.join(", ")}`;
  },
  moreMoments: (n: number) => (n === 1 ? "1 later moment is not shown." : `${n} later moments are not shown.`),
  totals: (devices: number, gaining: number, losing: number) =>
    `${devices} ${devices === 1 ? "device" : "devices"} affected: ${gaining} gain, ${losing} lose something.`,
  losingEverything: (n: number) =>
    n === 1 ? "1 device is left with nothing." : `${n} devices are left with nothing.`,
  warnings: {
    own_account_closed: {
      title: "This closes your own account",
      text: () => "You would be signed out at once, and could not sign in again.",
    },
    own_connection_at_risk: {
      title: "This may cut off your own connection",
      text: () => "You are connected through a device that would reach less. You may not be able to come back:",
    },
    own_access_lost: {
      title: "You would lose access yourself",
      text: (n: number) =>
        n === 1
          ? "A device of yours would not reach something that it reaches now:"
          : `${n} of your devices would not reach something that they reach now:`,
    },
    everything_lost: {
      title: "Nothing would be left for some",
      text: (n: number) =>
        n === 1
          ? "1 device would lose everything that policies open to it:"
          : `${n} devices would lose everything that policies open to them:`,
    },
  },
  gateways: (n: number) => (n === 1 ? "1 gateway gets a new bundle:" : `${n} gateways get a new bundle:`),
  sameReach: "What is reached stays the same; the state or the profile changes.",
  gain: "Gain",
  lose: "Lose",
  devices: (n: number) => (n === 1 ? "1 device" : `${n} devices`),
  of: (device: string, user: string) => `${device} of ${user}`,
  everything: "There is more than is shown.",
  unavailable: "What it would do cannot be said:",
  refused: (n: number) => (n === 1 ? "For 1 of them it would be refused" : `For ${n} of them it would be refused`),
  confirmTitle: "Please confirm",
  working: "Working out what it would do",
};
