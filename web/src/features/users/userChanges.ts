/** What can be done to a user's account, each asked about once and with what it would do. */

import { client, type Schemas } from "../../api/index.ts";
import { ifMatch } from "../../api/etag.ts";
import { type Confirmation, confirm, confirmOf } from "../../components/confirm.tsx";
import { t } from "../../text/common.ts";
import { usersText } from "../../text/users.ts";

type User = Schemas["User"];

interface Params {
  path: { id: string };
  header?: { "If-Match": string };
}

/** What it would do to an account. */
export async function previewUser(action: "enable" | "disable" | "delete", params: Params): Promise<Schemas["Preview"]> {
  const ask = {
    enable: () => client.POST("/admin/preview/users/{id}/enable", { params }),
    disable: () => client.POST("/admin/preview/users/{id}/disable", { params }),
    delete: () => client.DELETE("/admin/preview/users/{id}", { params }),
  };
  const { data } = await ask[action]();
  return data as Schemas["Preview"];
}

export async function readUser(id: string): Promise<User> {
  const { data } = await client.GET("/admin/users/{id}", { params: { path: { id } } });
  return data as User;
}

export function nameOf(user: User): string {
  return user.username ?? t.erased;
}

/** Asks about a user who may be changed meanwhile: `ask` says what is asked, of the version in this header. */
function confirmUser(user: User, ask: (now: User, header: ReturnType<typeof ifMatch>) => Confirmation): void {
  confirmOf(user, () => readUser(user.id), (now) => ask(now, ifMatch(now.version)));
}

export function askEnable(user: User): void {
  const path = { id: user.id };
  confirmUser(user, (now, header) => ({
    title: usersText.enableTitle(nameOf(now)),
    text: usersText.enableText,
    verb: usersText.enable,
    preview: () => previewUser("enable", { path, header }),
    action: (reason) =>
      client.POST("/admin/users/{id}/enable", { params: { path, header: { ...header, ...reason } } }),
    done: usersText.enabled(nameOf(now)),
  }));
}

export function askDisable(user: User): void {
  const path = { id: user.id };
  confirmUser(user, (now, header) => ({
    title: usersText.disableTitle(nameOf(now)),
    text: usersText.disableText,
    verb: usersText.disable,
    danger: true,
    preview: () => previewUser("disable", { path, header }),
    action: (reason) =>
      client.POST("/admin/users/{id}/disable", { params: { path, header: { ...header, ...reason } } }),
    done: usersText.disabled(nameOf(now)),
  }));
}

export function askDelete(user: User, onDone: () => void): void {
  const path = { id: user.id };
  confirmUser(user, (now, header) => ({
    title: usersText.deleteTitle(nameOf(now)),
    text: usersText.deleteText,
    verb: usersText.delete,
    danger: true,
    preview: () => previewUser("delete", { path, header }),
    action: (reason) =>
      client.DELETE("/admin/users/{id}", { params: { path, header: { ...header, ...reason } } }),
    done: usersText.deleted(nameOf(now)),
    onDone,
  }));
}

export function askErase(user: User, onDone: () => void): void {
  confirmUser(user, (now, header) => ({
    ...erasing(user.id, nameOf(now), header),
    // Deleting is the part of it that changes who reaches what.
    preview: () => previewUser("delete", { path: { id: user.id }, header }),
    onDone,
  }));
}

/** Of a user who was deleted, only the id is known. */
export function askEraseDeleted(id: string): void {
  confirm(erasing(id, usersText.this, {}));
}

function erasing(id: string, name: string, header: { "If-Match"?: string }): Confirmation {
  return {
    title: usersText.eraseTitle(name),
    text: usersText.eraseText,
    verb: usersText.erase,
    danger: true,
    phrase: usersText.erasePhrase,
    action: (reason) =>
      client.POST("/admin/users/{id}/erase", { params: { path: { id }, header: { ...header, ...reason } } }),
    done: usersText.erased,
  };
}
