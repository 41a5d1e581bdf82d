import { expect, test } from "vitest";

import { local } from "./localTime.ts";
import { valueText } from "./valueText.ts";

test.each([
  [null, "–"],
  ["", "–"],
  [0, "0"],
  [true, "Yes"],
  [[], "none"],
  [["10.0.0.0/8", "fd00::/8"], "10.0.0.0/8, fd00::/8"],
  [[{ protocol: "tcp", ports: ["80", "443"] }, { protocol: "icmp" }], "tcp 80, 443; icmp"],
  ["2026-05-03T12:07:09.178767Z", local("2026-05-03T12:07:09Z")],
  [{ a: 1 }, '{\n "a": 1\n}'],
])("%j is %s", (value, text) => expect(valueText(value)).toBe(text));
