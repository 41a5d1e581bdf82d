import { client, type Schemas } from "../../api/index.ts";

/** A group as it is now. */
export async function readGroup(id: string): Promise<Schemas["GroupDetails"]> {
  const { data } = await client.GET("/admin/groups/{id}", { params: { path: { id } } });
  return data as Schemas["GroupDetails"];
}
