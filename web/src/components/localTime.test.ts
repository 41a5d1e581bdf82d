import { expect, test } from "vitest";

import { fromLocalInput, fromNow, inUtc, local, toLocalInput } from "./localTime.ts";

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

test("what is no time is left as it is", () => {
  expect(local("tomorrow")).toBe("tomorrow");
  expect(inUtc("tomorrow")).toBe("tomorrow");
  expect(fromNow("tomorrow")).toBe("tomorrow");
  expect(toLocalInput("tomorrow")).toBe("");
  expect(fromLocalInput("tomorrow")).toBeNull();
});

test("a time in words is that of the local clock, in summer and in winter", () => {
  for (const time of ["2026-01-03T23:59:58Z", "2026-07-03T00:00:01Z"]) {
    const at = new Date(time);
    const two = (n: number) => String(n).padStart(2, "0");
    const date = `2026-${two(at.getMonth() + 1)}-${two(at.getDate())}`;
    expect(local(time)).toBe(`${date} ${two(at.getHours())}:${two(at.getMinutes())}:${two(at.getSeconds())}`);
  }
  expect(inUtc("2026-07-03T00:00:01+02:00")).toBe("2026-07-02 22:00:01 UTC");
});

test("how long ago it was is said in one unit", () => {
  const now = Date.parse("2026-05-03T12:00:00Z");
  const ago = (seconds: number) => fromNow(new Date(now - seconds * 1000).toISOString(), now);
  expect(ago(0)).toBe("just now");
  expect(ago(59)).toBe("just now");
  expect(ago(60)).toBe("1 minute ago");
  expect(ago(3_500)).toBe("58 minutes ago");
  expect(ago(2 * 3_600)).toBe("2 hours ago");
  expect(ago(30 * 3_600)).toBe("1 day ago");
  expect(ago(-3 * 86_400)).toBe("in 3 days");
  expect(ago(-5)).toBe("in 5 seconds");
  expect(ago(800 * 86_400)).toBe("2 years ago");
});
