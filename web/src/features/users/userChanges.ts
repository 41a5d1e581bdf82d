/** What can be done to a user's account, each asked about once and with what it would do. */

import { client, type Schemas } from "../../api/index.ts";
import { ifMatch } from "../../api/etag.ts";
import { confirm } from "../../components/confirm.tsx";
import { t } from "../../text/common.ts";
import { usersText } from "../../text/users.ts";

type User = Schemas["User"];

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
    preview: async () => {
      const answer = await client.POST("/admin/preview/users/{id}/enable", { params: { path, header } });
      return answer.data as Schemas["Preview"];
    },
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
    preview: async () => {
      const answer = await client.POST("/admin/preview/users/{id}/disable", { params: { path, header } });
      return answer.data as Schemas["Preview"];
    },
    action: (reason) =>
      client.POST("/admin/users/{id}/disable", { params: { path, header: { ...header, ...reason } } }),
    done: usersText.disabled(nameOf(user)),
  });
}

async function previewDeletion(user: User): Promise<Schemas["Preview"]> {
  const params = { path: { id: user.id }, header: ifMatch(user.version) };
  const answer = await client.DELETE("/admin/preview/users/{id}", { params });
  return answer.data as Schemas["Preview"];
}

export function askDelete(user: User, onDone: () => void): void {
  const path = { id: user.id };
  confirm({
    title: usersText.deleteTitle(nameOf(user)),
    text: usersText.deleteText,
    verb: usersText.delete,
    danger: true,
    preview: () => previewDeletion(user),
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
    ...(user === undefined ? {} : { preview: () => previewDeletion(user) }),
    action: (reason) => {
      const header = { ...(user === undefined ? {} : ifMatch(user.version)), ...reason };
      return client.POST("/admin/users/{id}/erase", { params: { path: { id }, header } });
    },
    done: usersText.erased,
    ...(onDone === undefined ? {} : { onDone }),
  });
}
