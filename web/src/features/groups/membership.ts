/** Putting users into a group and taking them out, asked about once with what it would do. */

import { createElement } from "react";

import { client, type Schemas } from "../../api/index.ts";
import { confirm } from "../../components/confirm.tsx";
import { type PreviewOfMany, previewOfMany } from "../../components/previewOfMany.ts";
import { t } from "../../text/common.ts";
import { groupsText } from "../../text/groups.ts";
import { runBulk } from "../users/runBulk.ts";
import { UserName } from "../users/UserName.tsx";

type Preview = Schemas["Preview"];

/** What one user's coming or going would do. */
async function previewOne(group: string, user: string, add: boolean): Promise<Preview> {
  const params = { path: { id: group, user_id: user } };
  const route = "/admin/preview/groups/{id}/members/{user_id}";
  const { data } = await (add ? client.PUT(route, { params }) : client.DELETE(route, { params }));
  return data as Preview;
}

/** What the coming or going of several would do. */
function previewSeveral(group_id: string, users: readonly string[], add: boolean): Promise<PreviewOfMany> {
  const action = add ? "add_to_group" : "remove_from_group";
  return previewOfMany(client.POST("/admin/preview/users/bulk", { body: { action, ids: [...users], group_id } }));
}

export function askMembership(
  group: { id: string; name: string },
  who: { ids: readonly string[]; name: string },
  add: boolean,
  onDone?: () => void,
): void {
  const [only] = who.ids;
  const single = only !== undefined && who.ids.length === 1;
  const words = groupsText;
  confirm({
    title: add ? words.addConfirm(who.name, group.name) : words.removeConfirm(who.name, group.name),
    text: add ? words.addText : words.removeText,
    verb: add ? words.add : t.remove,
    danger: !add,
    nameOf: (id) => createElement(UserName, { id }),
    preview: () => (single ? previewOne(group.id, only, add) : previewSeveral(group.id, who.ids, add)),
    action: async (header) => {
      if (!single) {
        return runBulk(add ? "add_to_group" : "remove_from_group", who.ids, header, group.id);
      }
      const params = { path: { id: group.id, user_id: only }, header };
      const route = "/admin/groups/{id}/members/{user_id}";
      return add ? client.PUT(route, { params }) : client.DELETE(route, { params });
    },
    // Of several, what became of each is said.
    ...(single ? { done: add ? words.added(who.name, group.name) : words.removed(who.name, group.name) } : {}),
    ...(onDone === undefined ? {} : { onDone }),
  });
}
