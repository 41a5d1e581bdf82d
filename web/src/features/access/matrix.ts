/** Users, groups and devices against destinations: what the policies that name them say. */

import type { Schemas } from "../../api/client.ts";
import { covers } from "../policies/cidr.ts";

export type Policy = Schemas["Policy"];

/** Whom policies name. */
export interface Subject {
  readonly type: "everyone" | "group" | "user" | "device";
  /** Empty for everyone. */
  readonly id: string;
}

/** The whole of the public internet, as policies with a full tunnel open it. */
export const INTERNET = "internet";

export interface Cell {
  /** In the order in which they are asked; those that are never reached are left out. */
  readonly policies: readonly Policy[];
  /** `mixed`: some of it is allowed and some is denied. */
  readonly verdict: "allow" | "deny" | "mixed";
  /** Whether it is about some of the addresses or services only. */
  readonly partly: boolean;
}

const ORDER = ["everyone", "group", "user", "device"];

export function keyOf({ type, id }: Subject): string {
  return `${type} ${id}`;
}

/** Everybody that a policy names, everyone first, each once. */
export function subjectsOf(policies: readonly Policy[]): Subject[] {
  const found = new Map<string, Subject>();
  for (const target of policies.flatMap((policy) => policy.targets ?? [])) {
    const subject = { type: target.type, id: target.type === "everyone" ? "" : target.id };
    found.set(keyOf(subject), subject);
  }
  return [...found.values()].sort((a, b) => ORDER.indexOf(a.type) - ORDER.indexOf(b.type));
}

/** Every destination that a policy names, each once, as they stand in the policies' order. */
export function destinationsOf(policies: readonly Policy[]): string[] {
  const networks = new Set(policies.flatMap((policy) => policy.destinations));
  return policies.some((policy) => policy.full_tunnel) ? [INTERNET, ...networks] : [...networks];
}

/** The policies in force, in the order in which they are asked. */
export function asked(policies: readonly Policy[]): Policy[] {
  const before = (a: Policy, b: Policy) => {
    const age = Date.parse(a.created_at) - Date.parse(b.created_at);
    const deny = Number(a.effect === "allow") - Number(b.effect === "allow");
    return (a.priority ?? 0) - (b.priority ?? 0) || deny || age;
  };
  return policies.filter(({ in_force }) => in_force).sort(before);
}

function names(policy: Policy, subject: Subject): boolean {
  return (policy.targets ?? []).some(
    (target) => target.type === "everyone" || (target.type === subject.type && target.id === subject.id),
  );
}

/** How much of a destination a policy is about. */
function share({ destinations, full_tunnel }: Policy, destination: string): "all" | "some" | "none" {
  if (destination === INTERNET) {
    return full_tunnel ? "all" : "none";
  }
  if (destinations.some((network) => covers(network, destination))) {
    return "all";
  }
  return destinations.some((network) => covers(destination, network)) ? "some" : "none";
}

/** The rows and columns of these that meet anywhere: the others have nothing to read. */
export function meeting(
  policies: readonly Policy[],
  subjects: readonly Subject[],
  destinations: readonly string[],
): { subjects: Subject[]; destinations: string[] } {
  const rows = subjects.map((subject) => ({ subject, own: policies.filter((policy) => names(policy, subject)) }));
  // Rows of one department often have the same policies.
  const known = new Map<string, boolean>();
  const meet = (policy: Policy, destination: string) => {
    const key = `${policy.id} ${destination}`;
    const found = known.get(key) ?? share(policy, destination) !== "none";
    known.set(key, found);
    return found;
  };
  const some = (own: readonly Policy[], destination: string) => own.some((policy) => meet(policy, destination));
  return {
    subjects: rows.filter(({ own }) => destinations.some((one) => some(own, one))).map(({ subject }) => subject),
    destinations: destinations.filter((one) => rows.some(({ own }) => some(own, one))),
  };
}

/**
 * What the policies that name the subject, or everyone, say of the destination; nothing where none
 * says anything. What a user has by groups stands in the groups' rows.
 */
export function cellOf(policies: readonly Policy[], subject: Subject, destination: string): Cell | undefined {
  const found: Policy[] = [];
  let whole = false;
  for (const policy of policies) {
    const much = names(policy, subject) ? share(policy, destination) : "none";
    if (much !== "none") {
      found.push(policy);
      if (much === "all" && (policy.services ?? []).length === 0) {
        // Nobody after it is asked about anything here.
        whole = true;
        break;
      }
    }
  }
  const [first] = found;
  if (first === undefined) {
    return undefined;
  }
  const same = found.every(({ effect }) => effect === first.effect);
  return { policies: found, verdict: same ? first.effect : "mixed", partly: same && !whole };
}
