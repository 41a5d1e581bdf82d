import { expect, test } from "vitest";

import type { Schemas } from "../../api/client.ts";
import { deviceConcerns, gatewayConcerns, policyConcerns, traffic } from "./summary.ts";

const NOW = Date.parse("2026-03-15T12:00:00Z");
const HOUR = 3_600_000;
const in_ = (hours: number) => new Date(NOW + hours * HOUR).toISOString();

const gateway = (name: string, status: string, since?: string) =>
  ({ id: name, name, convergence: { status, since: since ?? null } }) as Schemas["Gateway"];

test("gateways that enforce what was decided are no concern, the others by how bad it is", () => {
  const list = [
    gateway("fine", "in_sync"),
    gateway("new", "never_joined"),
    gateway("moment", "behind", in_(-0.005)),
    gateway("late", "behind", in_(-1)),
    gateway("gone", "unreachable", in_(-2)),
    gateway("stuck", "rejecting"),
  ];
  const found = gatewayConcerns(list, NOW);
  expect(found.map(({ name }) => name)).toEqual(["stuck", "gone", "late", "new"]);
  expect(found[1]?.at).toBe(in_(-2));
});

test("devices that end soon or need a key, the most urgent first", () => {
  const device = (name: string, more: Partial<Schemas["Device"]>) =>
    ({ id: name, name, reprovision_required: false, ...more }) as Schemas["Device"];
  const list = [
    device("key", { reprovision_required: true }),
    device("week", { expires_at: in_(24 * 6) }),
    device("later", { expires_at: in_(24 * 8) }),
    device("past", { expires_at: in_(-1) }),
    device("deadline", { reprovision_required: true, rotation_deadline: in_(1) }),
    device("never", { expires_at: null }),
  ];
  expect(deviceConcerns(list, NOW, "?").map(({ name, kind }) => [name, kind])).toEqual([
    ["deadline", "new_key"],
    ["week", "expires"],
    ["key", "new_key"],
  ]);
});

test("policies that end within a week", () => {
  const policy = (name: string, valid_until: string | null) => ({ id: name, name, valid_until }) as Schemas["Policy"];
  const list = [policy("soon", in_(100)), policy("sooner", in_(1)), policy("open", null), policy("late", in_(1000))];
  expect(policyConcerns(list, NOW).map(({ name }) => name)).toEqual(["sooner", "soon"]);
});

test("traffic is summed over gateways and tunnels; where nobody reported, nothing is known", () => {
  const point = (minute: number, name: string, rx_bytes: number, tx_bytes: number) =>
    ({ at: in_(minute / 60), interfaces: [{ name, rx_bytes, tx_bytes }] }) as Schemas["HostPoint"];
  const answer = (points: Schemas["HostPoint"][]) =>
    ({ gateway_id: "g", from: in_(0), to: in_(4 / 60), step: 60, points }) as Schemas["HostMetricsAnswer"];
  const rates = traffic([
    answer([point(0, "wg0", 600, 1200), point(2, "wg0", 60, 0)]),
    answer([point(0, "wg1", 60, 60), point(3, "eth0", 9000, 9000)]),
  ]);
  expect(rates.times).toHaveLength(4);
  expect(rates.received).toEqual([11, null, 1, null]);
  expect(rates.sent).toEqual([21, null, 0, null]);
  expect(traffic([answer([])]).times).toEqual([]);
});
