/** What is done to many users at once. */

import { client, type Schemas } from "../../api/index.ts";
import { tellBulk } from "../../components/bulk.tsx";
import type { Because } from "../../components/reason.ts";

type Action = Schemas["UserBulkAction"];

async function names(ids: readonly string[]): Promise<Map<string, string>> {
  const found = await Promise.all(
    ids.map(async (id) => {
      const read = client.GET("/admin/users/{id}", { params: { path: { id } } });
      const user = await read.then(({ data }) => data).catch(() => undefined);
      return [id, user?.username ?? id] as const;
    }),
  );
  return new Map(found);
}

/** Does it to all of them, and says of which it did not work. */
export async function runBulk(
  action: Action,
  ids: readonly string[],
  headers: Because,
  group?: string,
): Promise<void> {
  const { data } = await client.POST("/admin/users/bulk", {
    params: { header: headers },
    body: { action, ids: [...ids], ...(group === undefined ? {} : { group_id: group }) },
  });
  if (data !== undefined) {
    const failed = data.results.filter(({ error }) => error).map(({ id }) => id);
    const known = await names(failed);
    tellBulk(data, (id) => known.get(id) ?? id);
  }
}
