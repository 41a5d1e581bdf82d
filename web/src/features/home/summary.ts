/** What the overview makes of what it reads. */

import type { Schemas } from "../../api/client.ts";

const DAY = 86_400_000;
/** What ends within this time is said beforehand, in milliseconds. */
export const SOON = 7 * DAY;
/** A node that reports is behind for a moment after each change. That is no trouble yet. */
const PATIENCE = 60_000;

type Device = Schemas["Device"];
type Gateway = Schemas["Gateway"];

export interface Concern {
  readonly kind: "gateway" | "expires" | "new_key" | "policy_ends";
  readonly id: string;
  readonly name: string;
  /** Of a gateway: how it stands to its newest bundle. */
  readonly status?: string;
  /** Since when, or when it will be. */
  readonly at: string | undefined;
}

function within(time: string | null | undefined, now: number, span: number): time is string {
  const at = Date.parse(time ?? "");
  return at >= now && at - now < span;
}

/** Gateways that do not enforce what was decided, those in the worst state first. */
export function gatewayConcerns(gateways: readonly Gateway[], now: number): Concern[] {
  const worst = ["history_lost", "rejecting", "unreachable", "behind", "never_joined"];
  const troubled = gateways.filter(({ convergence: { status, since } }) =>
    status === "behind" ? now - Date.parse(since ?? "") > PATIENCE : worst.includes(status),
  );
  return troubled
    .map(({ id, name, convergence: { status, since } }): Concern => ({ kind: "gateway", id, name, status, at: since ?? undefined }))
    .sort((a, b) => worst.indexOf(a.status ?? "") - worst.indexOf(b.status ?? ""));
}

/** Devices whose time ends soon or that have to get a new key, the most urgent first. */
export function deviceConcerns(devices: readonly Device[], now: number, nameless: string): Concern[] {
  const found: Concern[] = [];
  for (const { id, name, expires_at, reprovision_required, rotation_deadline } of devices) {
    if (within(expires_at, now, SOON)) {
      found.push({ kind: "expires", id, name: name ?? nameless, at: expires_at });
    }
    if (reprovision_required) {
      found.push({ kind: "new_key", id, name: name ?? nameless, at: rotation_deadline ?? undefined });
    }
  }
  return found.sort((a, b) => when(a) - when(b));
}

/** Policies in force that end soon. */
export function policyConcerns(policies: readonly Schemas["Policy"][], now: number): Concern[] {
  return policies
    .filter(({ valid_until }) => within(valid_until, now, SOON))
    .map(({ id, name, valid_until }): Concern => ({ kind: "policy_ends", id, name, at: valid_until ?? undefined }))
    .sort((a, b) => when(a) - when(b));
}

function when({ at }: Concern): number {
  return at === undefined ? Number.POSITIVE_INFINITY : Date.parse(at);
}

export interface Rates {
  /** In seconds since 1970. */
  readonly times: number[];
  /** Bytes a second; null where nobody reported. */
  readonly received: (number | null)[];
  readonly sent: (number | null)[];
}

/** The interface of the tunnel. Others carry the same bytes again, encrypted. */
function isTunnel(name: string): boolean {
  return name.startsWith("wg");
}

/** What went through the tunnels of all these gateways together, for each step. */
export function traffic(answers: readonly Schemas["HostMetricsAnswer"][]): Rates {
  const sums = new Map<number, { received: number; sent: number }>();
  for (const { points, step } of answers) {
    for (const { at, interfaces } of points) {
      const tunnels = interfaces.filter(({ name }) => isTunnel(name));
      if (tunnels.length === 0) {
        // The first sample of all has nothing to compare its counters with.
        continue;
      }
      const time = Date.parse(at) / 1000;
      const sum = sums.get(time) ?? { received: 0, sent: 0 };
      for (const one of tunnels) {
        sum.received += one.rx_bytes / step;
        sum.sent += one.tx_bytes / step;
      }
      sums.set(time, sum);
    }
  }
  const [first] = answers;
  if (first === undefined || sums.size === 0) {
    return { times: [], received: [], sent: [] };
  }
  const begin = Date.parse(first.from) / 1000;
  const end = Date.parse(first.to) / 1000;
  const times: number[] = [];
  for (let time = begin; time < end; time += first.step) {
    times.push(time);
  }
  return {
    times,
    received: times.map((time) => sums.get(time)?.received ?? null),
    sent: times.map((time) => sums.get(time)?.sent ?? null),
  };
}
