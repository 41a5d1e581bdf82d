import { client, type Schemas } from "../../api/index.ts";

export type JoinAnswer = Schemas["JoinToken"] | Schemas["AlreadyShown"];

/** A token with which a node becomes the gateway. */
export async function issueJoinToken(
  id: string,
  header: { "If-Match"?: string; "X-Reason"?: string } = {},
): Promise<JoinAnswer | undefined> {
  const params = { path: { id }, header };
  return (await client.POST("/admin/gateways/{id}/join-token", { params })).data;
}
