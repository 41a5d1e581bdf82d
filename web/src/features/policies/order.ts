/** The place of a policy in the order in which policies are asked. */

import type { Schemas } from "../../api/client.ts";

type Policy = Pick<Schemas["Policy"], "id" | "name" | "priority" | "effect" | "created_at">;

/** What decides the place. */
export interface Place {
  /** Missing while the policy does not exist. */
  readonly id?: string;
  readonly priority: number;
  readonly effect: "allow" | "deny";
  /** Missing while the policy does not exist: it will be the youngest. */
  readonly created_at?: string;
  /** Where it stands at present, if it is asked. */
  readonly rank?: number | null | undefined;
}

export interface Neighbours {
  readonly before: Policy | undefined;
  readonly after: Policy | undefined;
  /** From 1. */
  readonly place: number;
  readonly of: number;
}

interface PageOf {
  readonly items: readonly Policy[];
  readonly total: number;
}

/** By priority, deny before allow, then by age. */
export function isBefore(a: Policy, b: Place): boolean {
  if (a.priority !== b.priority) {
    return a.priority < b.priority;
  }
  if (a.effect !== b.effect) {
    return a.effect === "deny";
  }
  const age = b.created_at === undefined ? -1 : Date.parse(a.created_at) - Date.parse(b.created_at);
  return age < 0 || (age === 0 && a.id < (b.id ?? "￿"));
}

/**
 * Who is asked right before and after, found in a sorted list that is read page by page: with
 * thousands of policies in a handful of pages.
 */
export async function neighbours(
  place: Place,
  size: number,
  read: (page: number) => Promise<PageOf>,
): Promise<Neighbours> {
  const { total, items: first } = await read(1);
  // The first row that is not before it, itself aside, lies on the last page that begins before it.
  let [low, high] = [1, Math.max(1, Math.ceil(total / size))];
  while (low < high) {
    const middle = Math.ceil((low + high) / 2);
    const head = (await read(middle)).items[0];
    if (head !== undefined && isBefore(head, place)) {
      low = middle;
    } else {
      high = middle - 1;
    }
  }
  const around = [
    ...(low > 1 ? (await read(low - 1)).items : []),
    ...(low === 1 ? first : (await read(low)).items),
    ...(low * size < total ? (await read(low + 1)).items : []),
  ];
  const others = around.filter((policy) => policy.id !== place.id);
  const before = others.filter((policy) => isBefore(policy, place)).length;
  const skipped = low > 1 ? (low - 2) * size : 0;
  const { rank } = place;
  const asked = typeof rank === "number";
  return {
    before: others[before - 1],
    after: others[before],
    // Where it stands among those that were skipped, it was counted with them.
    place: skipped + before + (asked && rank <= skipped ? 0 : 1),
    of: total + (asked ? 0 : 1),
  };
}
