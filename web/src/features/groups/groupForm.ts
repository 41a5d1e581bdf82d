/** Groups as forms have them, and what going back to an earlier one changes. */

import type { Schemas } from "../../api/client.ts";

export interface GroupForm extends Record<string, unknown> {
  name: string;
  description: string;
}

export function groupForm(group: { name: string; description: string }): GroupForm {
  return { name: group.name, description: group.description };
}

export function groupPatch(form: GroupForm): Schemas["GroupPatch"] {
  return { name: form.name.trim(), description: form.description.trim() };
}

type Group = Schemas["GroupDetails"];

export interface Return {
  /** The texts that would be others: as they would be, and as they are. */
  readonly texts: readonly { field: "name" | "description"; then: string; now: string | undefined }[];
  /** Who would be a member again; unknown in large groups. */
  readonly joins: readonly string[] | undefined;
  readonly leaves: readonly string[] | undefined;
}

/** What making a group what it was then would change; `now` is missing where it was deleted. */
export function returnTo(then: Group, now: Group | undefined): Return {
  const fields = ["name", "description"] as const;
  const texts = fields
    .filter((field) => then[field] !== now?.[field])
    .map((field) => ({ field, then: then[field], now: now?.[field] }));
  const before = then.members;
  const present = now === undefined ? [] : now.members;
  if (before === null || before === undefined || present === null || present === undefined) {
    return { texts, joins: undefined, leaves: undefined };
  }
  return {
    texts,
    joins: before.filter((id) => !present.includes(id)),
    leaves: present.filter((id) => !before.includes(id)),
  };
}
