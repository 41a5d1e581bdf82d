import { expect, test } from "vitest";

import { packetOf, readQuestion } from "./question.ts";

const read = (query: string) => readQuestion(new URLSearchParams(query));

test("a device comes before a user, and blank is as good as left out", () => {
  expect(read("device=d&user=u")).toMatchObject({ device: "d", user: undefined });
  expect(read("device=&user=u&at=%20")).toMatchObject({ device: undefined, user: "u", at: undefined });
});

test("a port belongs to protocols that have ports", () => {
  expect(read("protocol=TCP&port=443").port).toBe("443");
  expect(read("protocol=17&port=53").port).toBe("53");
  expect(read("protocol=icmp&port=443").port).toBeUndefined();
  expect(read("protocol=33&port=5001").port).toBe("5001");
  expect(read("protocol=136&port=5001").port).toBe("5001");
  expect(read("protocol=47&port=443").port).toBeUndefined();
  expect(read("protocol=no-such&port=443").port).toBeUndefined();
});

test("a packet has a destination and a protocol", () => {
  expect(packetOf(read("destination=10.0.0.1"))).toBeUndefined();
  expect(packetOf(read("protocol=tcp&port=1"))).toBeUndefined();
  expect(packetOf(read("destination=10.0.0.1&protocol=icmp"))).toEqual({ destination: "10.0.0.1", protocol: "icmp" });
});
