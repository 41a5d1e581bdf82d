import { client } from "../../api/index.ts";
import type { Policy } from "./form.ts";

/** A policy as it is now. */
export async function readPolicy(id: string): Promise<Policy> {
  const { data } = await client.GET("/admin/policies/{id}", { params: { path: { id } } });
  return data as Policy;
}
