import type { Schemas } from "../../api/client.ts";
import { inUtc, local } from "../../components/localTime.ts";
import { devicesText } from "../../text/devices.ts";

const words = devicesText.edit;

/** What a change of a device does to who can reach what, in sentences. */
export function consequences(patch: Schemas["DevicePatch"], now: number): string[] {
  const said: string[] = [];
  if (patch.user_id !== undefined) {
    said.push(words.ownerChanges);
  }
  if (patch.gateway_id !== undefined) {
    said.push(words.gatewayChanges);
  } else if (patch.assigned_ip !== undefined) {
    said.push(words.addressChanges);
  }
  if (patch.expires_at === null) {
    said.push(words.endsNever);
  } else if (patch.expires_at !== undefined) {
    const past = Date.parse(patch.expires_at) <= now;
    said.push(past ? words.endsNow : words.ends(local(patch.expires_at), inUtc(patch.expires_at)));
  }
  return said;
}
