import type { Schemas } from "../../api/client.ts";

export type Target = Schemas["Target"];

/** Tells targets apart. */
export function keyOf(target: Target): string {
  return "id" in target ? `${target.type} ${target.id}` : target.type;
}
