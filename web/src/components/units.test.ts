import { expect, test } from "vitest";

import { bitsPerSecond, bytes, percent } from "./units.ts";

test("an amount of data has three digits or so", () => {
  expect(bytes(0)).toBe("0 B");
  expect(bytes(999)).toBe("999 B");
  expect(bytes(1_250_000)).toBe("1.3 MB");
  expect(bytes(123_456_789)).toBe("123 MB");
  // Not “1000 kB”.
  expect(bytes(999_700)).toBe("1.0 MB");
});

test("a rate is in bits", () => {
  expect(bitsPerSecond(1)).toBe("8 bit/s");
  expect(bitsPerSecond(1_250)).toBe("10.0 kbit/s");
  expect(bitsPerSecond(1_250_000_000)).toBe("10.0 Gbit/s");
});

test("a share is in hundredths", () => {
  expect(percent(0.5)).toBe("50 %");
  expect(percent(0.042)).toBe("4.2 %");
  expect(percent(0)).toBe("0 %");
});
