/** Groups. */

import type { ReactNode } from "react";

import { LOCALE } from "./locale.ts";
import { said } from "./said.ts";

export const groupsText = {
  title: "Groups",
  intro: "Sets of users that policies apply to.",
  label: "Groups",
  searchLabel: "Search groups",
  name: "Name",
  nameHint: "As policies show it: a department, a task, a company.",
  description: "Description",
  members: "Members",
  created: "Created",
  updated: "Last changed",
  none: "There are no groups yet.",
  noneHint: "Policies can apply to a group, so that nobody has to be named one by one.",
  create: "Create group",
  createTitle: "Create group",
  createMembersHint: "Can also be added later.",
  createdDone: (name: string) => `“${name}” was created.`,
  edit: "Edit",
  editTitle: (name: string) => `Edit ${name}`,
  delete: "Delete",
  deleteTitle: (name: string) => `Delete ${name}?`,
  deleteText:
    "Policies that target the group match nobody through it any more. Its members stay users. It can be brought back from its history.",
  deleted: (name: string) => `“${name}” was deleted.`,
  memberFilter: "Groups of",
  anyMember: "Of any user",

  tabs: { members: "Members", history: "History" },
  memberCount: (n: number) => (n === 1 ? "1 member" : `${n.toLocaleString(LOCALE)} members`),
  searchMembers: "Search members",
  noMembers: "The group has no members.",
  noMembersHint: "Policies that target it apply to nobody yet.",
  add: "Add",
  addMembers: "Add members",
  addTitle: (group: string) => `Add members to ${group}`,
  who: "Users",
  goOn: "Go on",
  addConfirm: (who: string, group: string) => `Add ${who} to ${group}?`,
  addText: "Policies that target the group apply to its new members at once.",
  added: (who: string, group: string) => `${who} added to “${group}”.`,
  removeMember: (name: string) => `Remove ${name}`,
  removeConfirm: (who: string, group: string) => `Remove ${who} from ${group}?`,
  removeText: "Policies that target the group do not apply through it any more.",
  removed: (who: string, group: string) => `${who} removed from “${group}”.`,

  this: "this group",
  restoreTitle: (name: string) => `Restore “${name}”?`,
  restoreText: (when: ReactNode) =>
    said`Name, description and members become what they were after this event of ${when}. Users who have been deleted since are not in it again. What happened in between stays in the history.`,
  restored: "The group is what it was.",
  restoreNothing: "Name, description and members are the same as now.",
  wouldBe: "Would be",
  present: "Now",
  joins: "Members again",
  leaves: "No members any more",
  membersUnknown: "The group is too large to name who comes and who goes.",
  gone: "This group was deleted",
  goneText: "Policies that target it match nobody through it. It can be brought back as it was at any moment of its history.",
};
