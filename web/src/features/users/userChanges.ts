/** What can be done to a user's account, each asked about once and with what it would do. */

import { client, type Schemas } from "../../api/index.ts";
import { ifMatch } from "../../api/etag.ts";
import { confirm } from "../../components/confirm.tsx";
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

export function nameOf(user: User): string {
  return user.username ?? t.erased;
}

export function askEnable(user: User): void {
  const path = { id: user.id };
  const header = ifMatch(user.version);
  confirm({
    title: usersText.enableTitle(nameOf(user)),
    text: usersText.enableText,
    verb: usersText.enable,
    preview: () => previewUser("enable", { path, header }),
    action: (reason) =>
      client.POST("/admin/users/{id}/enable", { params: { path, header: { ...header, ...reason } } }),
    done: usersText.enabled(nameOf(user)),
  });
}

export function askDisable(user: User): void {
  const path = { id: user.id };
  const header = ifMatch(user.version);
  confirm({
    title: usersText.disableTitle(nameOf(user)),
    text: usersText.disableText,
    verb: usersText.disable,
    danger: true,
    preview: () => previewUser("disable", { path, header }),
    action: (reason) =>
      client.POST("/admin/users/{id}/disable", { params: { path, header: { ...header, ...reason } } }),
    done: usersText.disabled(nameOf(user)),
  });
}

export function askDelete(user: User, onDone: () => void): void {
  const path = { id: user.id };
  confirm({
    title: usersText.deleteTitle(nameOf(user)),
    text: usersText.deleteText,
    verb: usersText.delete,
    danger: true,
    preview: () => previewUser("delete", { path, header: ifMatch(user.version) }),
    action: (reason) =>
      client.DELETE("/admin/users/{id}", { params: { path, header: { ...ifMatch(user.version), ...reason } } }),
    done: usersText.deleted(nameOf(user)),
    onDone,
  });
}

/** Also for a user who was deleted, of whom only the id is known. */
export function askErase(id: string, user: User | undefined, onDone?: () => void): void {
  confirm({
    title: usersText.eraseTitle(user === undefined ? usersText.this : nameOf(user)),
    text: usersText.eraseText,
    verb: usersText.erase,
    danger: true,
    phrase: usersText.erasePhrase,
    // Deleting is the part of it that changes who reaches what.
    ...(user === undefined ? {} : { preview: () => previewUser("delete", { path: { id }, header: ifMatch(user.version) }) }),
    action: (reason) => {
      const header = { ...(user === undefined ? {} : ifMatch(user.version)), ...reason };
      return client.POST("/admin/users/{id}/erase", { params: { path: { id }, header } });
    },
    done: usersText.erased,
    ...(onDone === undefined ? {} : { onDone }),
  });
}
