import { expect, test } from "vitest";

import { flawsOf, mayHavePorts, merge, newPolicy, type Policy, splitPorts, toFields, toForm, toPatch } from "./form.ts";

const policy: Policy = {
  id: "0198c2a4-0000-7000-8000-000000000001",
  name: "Finance",
  description: "",
  effect: "allow",
  priority: 100,
  enabled: true,
  full_tunnel: false,
  destinations: ["172.16.20.0/24"],
  targets: [{ type: "user", id: "u1" }, { type: "everyone" }, { type: "group", id: "g1" }],
  services: [{ protocol: "tcp", ports: ["443", "8000-8100"] }, { protocol: "icmp" }],
  valid_from: "2026-05-03T12:00:00.123Z",
  valid_until: null,
  in_force: true,
  rank: 1,
  version: 3,
  created_at: "2026-05-01T00:00:00Z",
  updated_at: "2026-05-01T00:00:00Z",
};

test("a policy that nobody has touched changes nothing", () => {
  expect(toPatch(toForm(policy), policy)).toEqual({});
});

test("only what is changed is sent", () => {
  const form = toForm(policy);
  form.priority = 90;
  form.targets.users = ["u1", "u2"];
  expect(toPatch(form, policy)).toEqual({
    priority: 90,
    targets: [
      { type: "everyone" },
      { type: "group", id: "g1" },
      { type: "user", id: "u1" },
      { type: "user", id: "u2" },
    ],
  });
});

test("a time that is cleared is sent as none", () => {
  const form = toForm(policy);
  form.valid_from = "";
  expect(toPatch(form, policy)).toEqual({ valid_from: null });
});

test("services are what is typed", () => {
  const services = [{ protocol: " TCP ", ports: "443; 8000 - 8100 9000–9001" }];
  expect(toFields({ ...newPolicy, services }).services).toEqual([
    { protocol: "tcp", ports: ["443", "8000-8100", "9000-9001"] },
  ]);
  expect(splitPorts(" , ")).toEqual([]);
});

test("a new policy lacks its name only", () => {
  expect(Object.keys(flawsOf(newPolicy))).toEqual(["name"]);
  expect(flawsOf(toForm(policy))).toEqual({});
});

test.each([
  [{ name: "x".repeat(65) }, "name"],
  [{ priority: "" }, "priority"],
  [{ priority: -1 }, "priority"],
  [{ priority: 1.5 }, "priority"],
  [{ priority: 1_000_001 }, "priority"],
  [{ effect: "deny" as const, full_tunnel: true }, "full_tunnel"],
  [{ draft: "10.0.0." }, "draft"],
  [{ services: [{ protocol: "http", ports: "" }] }, "services.0.protocol"],
  [{ services: [{ protocol: "256", ports: "" }] }, "services.0.protocol"],
  [{ services: [{ protocol: "icmp", ports: "80" }] }, "services.0.ports"],
  [{ services: [{ protocol: "tcp", ports: "65536" }] }, "services.0.ports"],
  [{ services: [{ protocol: "tcp", ports: "90-80" }] }, "services.0.ports"],
  [{ services: [{ protocol: "tcp", ports: "1-2-3" }] }, "services.0.ports"],
  [{ services: [{ protocol: "tcp", ports: "ssh" }] }, "services.0.ports"],
  [{ valid_from: "2026-05-03T12:00", valid_until: "2026-05-03T12:00" }, "valid_until"],
])("%j is refused at its field", (change, field) => {
  expect(Object.keys(flawsOf({ ...toForm(policy), ...change }))).toEqual([field]);
});

test("which protocols have ports", () => {
  expect(["tcp", "UDP", "sctp", "33", ""].every(mayHavePorts)).toBe(true);
  expect(["icmp", "icmpv6", "47"].some(mayHavePorts)).toBe(false);
});

test("what others have changed meanwhile is kept, and asked about where both have", () => {
  const base = toForm(policy);
  const mine = { ...base, priority: 90, name: "Mine" };
  const theirs = { ...base, description: "Theirs", name: "Theirs" };
  const { merged, contested } = merge(base, mine, theirs);
  expect(contested).toEqual(["name"]);
  expect(merged).toEqual({ ...mine, description: "Theirs" });
  expect(merge(base, mine, { ...base, priority: 90 }).contested).toEqual([]);
});

test("a network that is still being typed counts, and nothing else does", () => {
  const form = { ...toForm(policy), draft: "10.1.2.3, 172.16.20.0/24 10.0.0.1/8" };
  expect(toPatch(form, policy)).toEqual({ destinations: ["172.16.20.0/24", "10.1.2.3/32"] });
  expect(Object.keys(flawsOf(form))).toEqual(["draft"]);
  expect(flawsOf({ ...form, draft: "10.1.2.3," })).toEqual({});
});
