/** Two versions of a policy, field by field. */

import { serviceText } from "../../components/serviceText.ts";
import type { Schemas } from "../../api/client.ts";
import { keyOf, type Target } from "./target.ts";

type Fields = Schemas["PolicyFields"];

/** An item of a list and on which side it is. */
export interface Item {
  readonly key: string;
  readonly side: "both" | "then" | "now";
  /** Where the item is a target, which still has to get its name. */
  readonly target?: Target;
}

export type Row =
  | { readonly field: keyof Fields; readonly kind: "value"; readonly then: string | null; readonly now: string | null }
  | { readonly field: keyof Fields; readonly kind: "time"; readonly then: string | null; readonly now: string | null }
  | { readonly field: keyof Fields; readonly kind: "list"; readonly items: readonly Item[] };

/** The fields that differ, and the names of those that do not. */
export function compare(then: Fields, now: Fields): { differing: Row[]; same: (keyof Fields)[] } {
  const rows: Row[] = [
    value("name"),
    value("description"),
    value("effect"),
    value("priority"),
    value("enabled"),
    value("full_tunnel"),
    { field: "targets", kind: "list", items: items(then.targets.map(keyOf), now.targets.map(keyOf)).map(named) },
    list("destinations", then.destinations, now.destinations),
    list("services", words(then.services), words(now.services)),
    time("valid_from"),
    time("valid_until"),
  ];
  const differs = (row: Row) =>
    row.kind === "list" ? row.items.some(({ side }) => side !== "both") : row.then !== row.now;
  return {
    differing: rows.filter(differs),
    same: rows.filter((row) => !differs(row)).map(({ field }) => field),
  };

  function value(field: "name" | "description" | "effect" | "priority" | "enabled" | "full_tunnel"): Row {
    return { field, kind: "value", then: String(then[field]), now: String(now[field]) };
  }
  function time(field: "valid_from" | "valid_until"): Row {
    return { field, kind: "time", then: then[field] ?? null, now: now[field] ?? null };
  }
  function named(item: Item): Item {
    const target = [...then.targets, ...now.targets].find((one) => keyOf(one) === item.key);
    return target === undefined ? item : { ...item, target };
  }
}

function words(services: Fields["services"]): string[] {
  return (services ?? []).map(serviceText);
}

function list(field: "destinations" | "services", then: readonly string[], now: readonly string[]): Row {
  return { field, kind: "list", items: items(then, now) };
}

function items(then: readonly string[], now: readonly string[]): Item[] {
  const [before, after] = [new Set(then), new Set(now)];
  return [
    ...[...before].map((key): Item => ({ key, side: after.has(key) ? "both" : "then" })),
    ...[...after].filter((key) => !before.has(key)).map((key): Item => ({ key, side: "now" })),
  ];
}
