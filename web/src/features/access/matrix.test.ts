import { expect, test } from "vitest";

import { asked, cellOf, destinationsOf, INTERNET, meeting, type Policy, subjectsOf } from "./matrix.ts";

const GROUP = { type: "group" as const, id: "g" };
const OTHER = { type: "group" as const, id: "h" };
let age = 0;

function policy(name: string, more: Partial<Policy>): Policy {
  age += 1;
  const time = new Date(age * 1000).toISOString();
  return {
    id: name, name, priority: 100, effect: "allow", description: "", destinations: ["10.0.0.0/8"], services: [], targets: [GROUP],
    enabled: true, full_tunnel: false, in_force: true, version: 1, created_at: time, updated_at: time, ...more,
  } as Policy;
}

const names = (policies: readonly Policy[] | undefined) => policies?.map(({ name }) => name);

test("policies are asked by priority, deny before allow, then by age; those not in force are not", () => {
  const list = [
    policy("late", { priority: 200 }),
    policy("old", {}),
    policy("young", {}),
    policy("deny", { effect: "deny" }),
    policy("off", { in_force: false }),
    policy("first", { priority: 1 }),
  ];
  expect(names(asked(list))).toEqual(["first", "deny", "old", "young", "late"]);
});

test("a policy that decides everything hides those after it", () => {
  const list = [policy("deny", { effect: "deny", destinations: ["10.0.0.0/8"] }), policy("allow", {})];
  const cell = cellOf(list, GROUP, "10.1.0.0/16");
  expect(names(cell?.policies)).toEqual(["deny"]);
  expect(cell).toMatchObject({ verdict: "deny", partly: false });
});

test("services and smaller networks decide some of it", () => {
  const web = policy("web", { services: [{ protocol: "tcp", ports: ["443"] }] });
  expect(cellOf([web], GROUP, "10.0.0.0/8")).toMatchObject({ verdict: "allow", partly: true });
  const inner = policy("inner", { effect: "deny", destinations: ["10.1.0.0/16"] });
  const outer = policy("outer", {});
  expect(cellOf([inner, outer], GROUP, "10.0.0.0/8")).toMatchObject({ verdict: "mixed", partly: false });
  expect(cellOf([inner, outer], GROUP, "10.1.0.0/16")).toMatchObject({ verdict: "deny", partly: false });
  expect(cellOf([inner, outer], GROUP, "10.2.0.0/16")).toMatchObject({ verdict: "allow", partly: false });
});

test("who is not named gets nothing, and everyone is everybody", () => {
  expect(cellOf([policy("one", {})], OTHER, "10.0.0.0/8")).toBeUndefined();
  expect(cellOf([policy("one", {})], GROUP, "192.168.0.0/16")).toBeUndefined();
  const all = policy("all", { targets: [{ type: "everyone" }] });
  expect(cellOf([all], OTHER, "10.0.0.0/8")?.verdict).toBe("allow");
});

test("only rows and columns that meet are left", () => {
  const list = [policy("here", {}), policy("there", { destinations: ["192.168.0.0/16"], targets: [OTHER] })];
  const both = ["10.1.0.0/16", "192.168.7.0/24"];
  expect(meeting(list, [GROUP, OTHER], both)).toEqual({ subjects: [GROUP, OTHER], destinations: both });
  expect(meeting(list, [OTHER], both)).toEqual({ subjects: [OTHER], destinations: ["192.168.7.0/24"] });
  expect(meeting(list, [GROUP, OTHER], ["10.1.0.0/16"])).toEqual({ subjects: [GROUP], destinations: ["10.1.0.0/16"] });
});

test("a full tunnel opens the internet, and no network by that", () => {
  const tunnel = policy("tunnel", { full_tunnel: true, destinations: [] });
  expect(destinationsOf([tunnel, policy("one", {})])).toEqual([INTERNET, "10.0.0.0/8"]);
  expect(cellOf([tunnel], GROUP, INTERNET)).toMatchObject({ verdict: "allow", partly: false });
  expect(cellOf([tunnel], GROUP, "10.0.0.0/8")).toBeUndefined();
});

test("subjects and destinations come once each, everyone first", () => {
  const list = [policy("a", { targets: [{ type: "user", id: "u" }, GROUP] }), policy("b", { targets: [GROUP, { type: "everyone" }] })];
  expect(subjectsOf(list).map(({ type }) => type)).toEqual(["everyone", "group", "user"]);
  expect(destinationsOf(list)).toEqual(["10.0.0.0/8"]);
});
