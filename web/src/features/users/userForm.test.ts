import { expect, test } from "vitest";

import { EMPTY_USER, newUser, userPatch } from "./userForm.ts";

test("what is empty is left out of a new user", () => {
  const form = { ...EMPTY_USER, username: " alice ", email: " " };
  expect(newUser(form)).toEqual({ username: "alice", role: "user" });
});

test("a password that was typed before deciding against one is not sent", () => {
  const form = { ...EMPTY_USER, username: "alice", password: "typed before", how: "none" as const };
  expect(newUser(form)).not.toHaveProperty("password");
});

test("an initial password has to be changed unless said otherwise", () => {
  const form = { ...EMPTY_USER, username: "alice", password: "  spaces count  ", how: "password" as const };
  expect(newUser(form)).toMatchObject({ password: "  spaces count  ", must_change_password: true });
  expect(newUser({ ...form, must_change: false })).toMatchObject({ must_change_password: false });
});

test("an emptied email is taken away", () => {
  expect(userPatch({ username: "a", display_name: "A", email: "" }).email).toBeNull();
});
