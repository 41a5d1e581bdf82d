/** Users as forms have them and as the API does. */

import type { Schemas } from "../../api/client.ts";

export type Role = Schemas["Role"];

export interface NewUserForm extends Record<string, unknown> {
  username: string;
  display_name: string;
  email: string;
  role: Role;
  groups: string[];
  how: "none" | "password";
  password: string;
  must_change: boolean;
}

export const EMPTY_USER: NewUserForm = {
  username: "",
  display_name: "",
  email: "",
  role: "user",
  groups: [],
  how: "none",
  password: "",
  must_change: true,
};

/** What is left empty is left out: the API then chooses, or has none. */
export function newUser(form: NewUserForm): Schemas["UserCreate"] {
  const { username, display_name, email, role, how, password, must_change } = form;
  return {
    username: username.trim(),
    ...(display_name.trim() === "" ? {} : { display_name: display_name.trim() }),
    ...(email.trim() === "" ? {} : { email: email.trim() }),
    role,
    ...(how === "password" ? { password, must_change_password: must_change } : {}),
  };
}

export interface UserForm extends Record<string, unknown> {
  username: string;
  display_name: string;
  email: string;
}

export function userForm(user: Schemas["User"]): UserForm {
  return {
    username: user.username ?? "",
    display_name: user.display_name ?? "",
    email: user.email ?? "",
  };
}

/** An email that was emptied is taken away; names cannot be. */
export function userPatch(form: UserForm): Schemas["UserPatch"] {
  const email = form.email.trim();
  return {
    username: form.username.trim(),
    display_name: form.display_name.trim(),
    email: email === "" ? null : email,
  };
}
