import { client, type Schemas } from "../../api/index.ts";
import type { Because } from "../../components/reason.ts";

export type JoinAnswer = Schemas["JoinToken"] | Schemas["AlreadyShown"];

/** A token with which a node becomes the gateway. */
export async function issueJoinToken(
  id: string,
  header: { "If-Match"?: string } & Because = {},
): Promise<JoinAnswer | undefined> {
  const params = { path: { id }, header };
  return (await client.POST("/admin/gateways/{id}/join-token", { params })).data;
}
