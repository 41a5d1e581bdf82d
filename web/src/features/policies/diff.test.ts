import { expect, test } from "vitest";

import { compare } from "./diff.ts";

const then = {
  name: "Finance",
  description: "",
  priority: 100,
  effect: "allow" as const,
  full_tunnel: false,
  destinations: ["10.0.0.0/24", "10.0.1.0/24"],
  targets: [{ type: "user" as const, id: "u1" }, { type: "everyone" as const }],
  services: [{ protocol: "tcp", ports: ["443"] }],
  enabled: true,
  valid_from: null,
  valid_until: null,
};

test("a version and itself differ in nothing", () => {
  const { differing, same } = compare(then, { ...then });
  expect(differing).toEqual([]);
  expect(same).toHaveLength(11);
});

test("values and times are put side by side", () => {
  const { differing } = compare(then, { ...then, priority: 90, valid_until: "2026-05-03T12:00:00Z" });
  expect(differing).toEqual([
    { field: "priority", kind: "value", then: "100", now: "90" },
    { field: "valid_until", kind: "time", then: null, now: "2026-05-03T12:00:00Z" },
  ]);
});

test("items of lists are marked, whatever their order", () => {
  const { differing } = compare(then, {
    ...then,
    destinations: ["10.0.2.0/24", "10.0.1.0/24"],
    targets: [{ type: "everyone" }, { type: "user", id: "u1" }],
    services: [{ protocol: "tcp" }],
  });
  expect(differing).toEqual([
    {
      field: "destinations",
      kind: "list",
      items: [
        { key: "10.0.0.0/24", side: "then" },
        { key: "10.0.1.0/24", side: "both" },
        { key: "10.0.2.0/24", side: "now" },
      ],
    },
    {
      field: "services",
      kind: "list",
      items: [
        { key: "tcp 443", side: "then" },
        { key: "tcp", side: "now" },
      ],
    },
  ]);
});

test("a target is kept for its name", () => {
  const { differing } = compare(then, { ...then, targets: [{ type: "everyone" }] });
  expect(differing).toEqual([
    {
      field: "targets",
      kind: "list",
      items: [
        { key: "user u1", side: "then", target: { type: "user", id: "u1" } },
        { key: "everyone", side: "both", target: { type: "everyone" } },
      ],
    },
  ]);
});
