import { expect, test } from "vitest";

import { allOf, MOST, PAGE } from "./allOf.ts";

/** A list of so many numbers, in pages as the API gives them. */
const listOf = (total: number) => {
  const asked: (string | undefined)[] = [];
  const read = async ({ page_size, after }: { page_size: number; after?: string }) => {
    asked.push(after);
    const from = Number(after ?? 0);
    const items = Array.from({ length: Math.min(page_size, total - from) }, (_, n) => from + n);
    const next = from + items.length < total ? String(from + items.length) : null;
    return { data: { items, total, next } };
  };
  return { asked, read };
};

test("a list is read to its end, page after page", async () => {
  const { asked, read } = listOf(2 * PAGE + 1);
  const { items, total, whole } = await allOf(read);
  expect(items).toEqual(Array.from({ length: 2 * PAGE + 1 }, (_, n) => n));
  expect([total, whole]).toEqual([2 * PAGE + 1, true]);
  expect(asked).toEqual([undefined, String(PAGE), String(2 * PAGE)]);
});

test("of one that is too long it is said that there is more", async () => {
  const { items, total, whole } = await allOf(listOf(MOST + 1).read);
  expect([items.length, total, whole]).toEqual([MOST, MOST + 1, false]);
});
