import { expect, test } from "vitest";

import { isTime, valueText } from "./valueText.ts";

test.each([
  [null, "–"],
  ["", "–"],
  [0, "0"],
  [true, "Yes"],
  [[], "none"],
  [["10.0.0.0/8", "fd00::/8"], "10.0.0.0/8, fd00::/8"],
  [[{ protocol: "tcp", ports: ["80", "443"] }, { protocol: "icmp" }], "tcp 80, 443; icmp"],
  [{ a: 1 }, '{\n "a": 1\n}'],
])("%j is %s", (value, text) => expect(valueText(value)).toBe(text));

test("a time is told from other words", () => {
  expect(isTime("2026-05-03T12:07:09.178767Z")).toBe(true);
  expect(isTime("2026-05-03")).toBe(false);
  expect(isTime(20260503)).toBe(false);
});
