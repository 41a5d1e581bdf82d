import { expect, test } from "vitest";

import { fromLocalInput, toLocalInput } from "./localTime.ts";

test("a moment survives the way through the input", () => {
  for (const time of ["2026-05-03T12:00:00.000Z", "2026-10-25T00:30:15.000Z"]) {
    expect(fromLocalInput(toLocalInput(time))).toBe(time);
  }
});

test("seconds are shown only where there are some", () => {
  expect(toLocalInput("2026-05-03T12:07:00Z")).toMatch(/^2026-05-0[234]T\d\d:\d\d$/);
  expect(toLocalInput("2026-05-03T12:07:09Z")).toMatch(/:09$/);
});

test("nothing typed is no moment", () => {
  expect(fromLocalInput("")).toBeNull();
  expect(toLocalInput(null)).toBe("");
});
