import { expect, test } from "vitest";

import { contested, merged } from "./useEdit.ts";

const labels = { name: "Name", email: "Email", note: "Note" };
const base = { name: "a", email: "e", note: "n" };

test("who has changed different fields need not choose: both changes hold", () => {
  const [mine, theirs] = [{ ...base, name: "mine" }, { ...base, email: "theirs" }];
  expect(contested(labels, base, mine, theirs)).toEqual([]);
  expect(merged(labels, base, mine, theirs)).toEqual({ name: "mine", email: "theirs", note: "n" });
});

test("a field that both have changed is asked about, and no other", () => {
  const mine = { name: "mine", email: "e", note: "mine" };
  const theirs = { name: "theirs", email: "theirs", note: "n" };
  const found = [{ field: "name", label: "Name", mine: "mine", theirs: "theirs" }];
  expect(contested(labels, base, mine, theirs)).toEqual(found);
});

test("both made the same change: nothing to ask", () => {
  const same = { ...base, name: "b" };
  expect(contested(labels, base, same, same)).toEqual([]);
});

test("what only the form has changed is not asked about", () => {
  expect(contested(labels, base, { ...base, note: "mine" }, base)).toEqual([]);
});
