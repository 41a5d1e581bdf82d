import { expect, test } from "vitest";

import { valueText } from "./valueText.ts";

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
