import { expect, test } from "vitest";

import { generatePassword } from "./password.ts";

test("a password has four groups of five and is another one each time", () => {
  expect(generatePassword()).toMatch(/^[a-z2-9]{5}(-[a-z2-9]{5}){3}$/);
  expect(generatePassword()).not.toBe(generatePassword());
});

test("bytes that would favour some letters are passed over", () => {
  // 31 letters: of 256 values the last eight are of no use.
  let calls = 0;
  const bytes = (into: Uint8Array<ArrayBuffer>) => into.fill((calls += 1) === 1 ? 255 : 0);
  expect(generatePassword(bytes)).toBe("aaaaa-aaaaa-aaaaa-aaaaa");
  expect(calls).toBe(2);
});
