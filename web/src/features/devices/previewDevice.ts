import { client, type Schemas } from "../../api/index.ts";
import { previewText } from "../../text/preview.ts";

interface Params {
  path: { id: string };
  header?: { "If-Match": string };
}

/** What it would do to a device. */
export async function previewDevice(action: "enable" | "disable" | "revoke", params: Params): Promise<Schemas["Preview"]> {
  const ask = {
    enable: () => client.POST("/admin/preview/devices/{id}/enable", { params }),
    disable: () => client.POST("/admin/preview/devices/{id}/disable", { params }),
    revoke: () => client.POST("/admin/preview/devices/{id}/revoke", { params }),
  };
  const { data } = await ask[action]();
  if (data === undefined) {
    throw new Error(previewText.unavailable);
  }
  return data;
}
