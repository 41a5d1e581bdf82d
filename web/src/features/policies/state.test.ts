import { expect, test } from "vitest";

import { stateOf } from "./state.ts";

const NOW = Date.parse("2026-05-03T12:00:00Z");
const earlier = "2026-05-01T00:00:00Z";
const later = "2026-06-01T00:00:00Z";
const base = { enabled: true, in_force: false, valid_from: null, valid_until: null };

test.each([
  [{ in_force: true }, { state: "active" }],
  [{ in_force: true, valid_until: later }, { state: "active", until: later }],
  [{ enabled: false, valid_until: earlier }, { state: "disabled" }],
  [{ valid_until: earlier }, { state: "expired", since: earlier }],
  [{ valid_from: later, valid_until: "2026-07-01T00:00:00Z" }, { state: "scheduled", since: later }],
])("%j is %j", (policy, state) => expect(stateOf({ ...base, ...policy }, NOW)).toEqual(state));
