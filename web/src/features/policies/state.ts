/** Whether a policy counts. */

import type { Schemas } from "../../api/client.ts";

export type Stated = Pick<Schemas["Policy"], "enabled" | "in_force" | "valid_from" | "valid_until">;

export interface PolicyStateOf {
  readonly state: "active" | "disabled" | "expired" | "scheduled";
  /** When it begins or ended. */
  readonly since?: string;
  /** When it will end. */
  readonly until?: string;
}

/** The server decides whether it is in force; the times say why not. */
export function stateOf(policy: Stated, now: number): PolicyStateOf {
  const { valid_from: from, valid_until: until } = policy;
  if (policy.in_force) {
    return { state: "active", ...(until ? { until } : {}) };
  }
  if (!policy.enabled) {
    return { state: "disabled" };
  }
  if (until && Date.parse(until) <= now) {
    return { state: "expired", since: until };
  }
  return { state: "scheduled", ...(from ? { since: from } : {}) };
}
