import { describe, expect, test } from "vitest";

import { isBefore, neighbours, type Place } from "./order.ts";

type Row = Parameters<typeof isBefore>[0];

function row(n: number, priority: number, effect: "allow" | "deny" = "allow"): Row {
  const created_at = new Date(1_700_000_000_000 + n * 1000).toISOString();
  return { id: String(n).padStart(6, "0"), name: `p${n}`, priority, effect, created_at };
}

/** A list in its order, and what is asked of it. */
function listOf(rows: Row[], size: number) {
  const sorted = rows.toSorted((a, b) => (isBefore(a, b) ? -1 : 1));
  const asked: number[] = [];
  const read = async (page: number) => {
    asked.push(page);
    return { items: sorted.slice((page - 1) * size, page * size), total: sorted.length };
  };
  return { sorted, asked, read };
}

test("priority, then deny, then age", () => {
  const old = row(1, 100);
  expect(isBefore(row(9, 99), old)).toBe(true);
  expect(isBefore(row(9, 101), old)).toBe(false);
  expect(isBefore(row(9, 100, "deny"), old)).toBe(true);
  expect(isBefore(old, row(9, 100, "deny"))).toBe(false);
  expect(isBefore(old, row(2, 100))).toBe(true);
  expect(isBefore(row(2, 100), old)).toBe(false);
  // What does not exist yet is the youngest.
  expect(isBefore(row(9, 100), { priority: 100, effect: "allow" })).toBe(true);
});

describe("neighbours", () => {
  test("of the first policy of all", async () => {
    const { read } = listOf([], 5);
    const found = await neighbours({ priority: 100, effect: "allow" }, 5, read);
    expect(found).toEqual({ before: undefined, after: undefined, place: 1, of: 1 });
  });

  test("are those of the sorted list, wherever it is cut into pages", async () => {
    for (const count of [1, 4, 5, 6, 11, 23]) {
      const rows = Array.from({ length: count }, (_, n) => row(n, (n * 7) % 10, n % 3 === 0 ? "deny" : "allow"));
      const { sorted, read } = listOf(rows, 5);
      for (let priority = -1; priority <= 10; priority += 1) {
        const place: Place = { priority, effect: "allow" };
        const n = sorted.filter((one) => isBefore(one, place)).length;
        expect(await neighbours(place, 5, read)).toEqual({
          before: sorted[n - 1],
          after: sorted[n],
          place: n + 1,
          of: count + 1,
        });
      }
    }
  });

  test("of a policy that moves are others", async () => {
    const rows = Array.from({ length: 23 }, (_, n) => row(n, n));
    const { sorted, read } = listOf(rows, 5);
    for (const [at, self] of sorted.entries()) {
      for (let priority = 0; priority <= 23; priority += 1) {
        const place: Place = { ...self, priority, rank: at + 1 };
        const others = sorted.filter(({ id }) => id !== self.id);
        const n = others.filter((one) => isBefore(one, place)).length;
        expect(await neighbours(place, 5, read)).toEqual({
          before: others[n - 1],
          after: others[n],
          place: n + 1,
          of: 23,
        });
      }
    }
  });

  test("are found among ten thousand with few pages", async () => {
    const rows = Array.from({ length: 10_000 }, (_, n) => row(n, n));
    const { asked, read } = listOf(rows, 200);
    const found = await neighbours({ priority: 7_777, effect: "deny" }, 200, read);
    expect(found).toMatchObject({ before: { priority: 7_776 }, after: { priority: 7_777 }, place: 7_778 });
    expect(new Set(asked).size).toBeLessThan(10);
  });
});
