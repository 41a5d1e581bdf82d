import { expect, test } from "vitest";

import type { Schemas } from "../../api/client.ts";
import { returnTo } from "./groupForm.ts";

const group: Schemas["GroupDetails"] = {
  id: "g",
  name: "Finance",
  description: "",
  member_count: 2,
  created_at: "2026-01-01T00:00:00Z",
  updated_at: "2026-01-01T00:00:00Z",
  version: 3,
  members: ["alice", "bob"],
};

test("who comes, who goes, and which texts change", () => {
  const then = { ...group, name: "Money", members: ["bob", "carol"] };
  expect(returnTo(then, group)).toEqual({
    texts: [{ field: "name", then: "Money", now: "Finance" }],
    joins: ["carol"],
    leaves: ["alice"],
  });
});

test("a deleted group gets everybody back", () => {
  expect(returnTo(group, undefined)).toMatchObject({ joins: ["alice", "bob"], leaves: [] });
});

test("nobody is named where a group is too large for that", () => {
  const { joins, leaves } = returnTo(group, { ...group, members: null });
  expect([joins, leaves]).toEqual([undefined, undefined]);
});
