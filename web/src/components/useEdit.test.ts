import { expect, test } from "vitest";

import { contested } from "./useEdit.ts";

const labels = { name: "Name", email: "Email", note: "Note" };
const base = { name: "a", email: "e", note: "n" };

test("a field that only one side has changed is not contested by the other", () => {
  const found = contested(labels, base, { ...base, name: "mine" }, { ...base, email: "theirs" });
  expect(found).toEqual([{ label: "Email", mine: "e", theirs: "theirs" }]);
});

test("both made the same change: nothing to ask", () => {
  const same = { ...base, name: "b" };
  expect(contested(labels, base, same, same)).toEqual([]);
});

test("what only the form has changed is not asked about", () => {
  expect(contested(labels, base, { ...base, note: "mine" }, base)).toEqual([]);
});
