import { expect, test } from "vitest";

import { isConnected } from "./connection.ts";

const now = Date.parse("2026-03-01T12:00:00Z");

test.each([
  ["2026-03-01T11:57:30Z", true],
  ["2026-03-01T11:56:30Z", false],
  [null, false],
])("a handshake at %s", (at, connected) => {
  expect(isConnected(at, now)).toBe(connected);
});
