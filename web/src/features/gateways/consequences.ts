import { gatewaysText } from "../../text/gateways.ts";
import type { Schemas } from "../../api/client.ts";

const words = gatewaysText.form;

/** What devices' profiles say of their gateway. */
const IN_PROFILES = [
  "endpoint",
  "public_key",
  "dns_servers",
  "dns_search",
  "mtu",
  "persistent_keepalive",
] as const;

/** What a change of a gateway does to its devices, in sentences. */
export function consequences(patch: Schemas["GatewayPatch"], devices: number): string[] {
  const said: string[] = [];
  if (devices > 0 && IN_PROFILES.some((field) => field in patch)) {
    said.push(words.profiles(devices));
  }
  if (patch.listen_port !== undefined) {
    said.push(words.portChanges);
  }
  if (typeof patch.max_stale_s === "number") {
    said.push(patch.max_stale_s === 0 ? words.staleNever : words.staleChanges(patch.max_stale_s));
  }
  if (typeof patch.preshared_keys === "boolean") {
    said.push(patch.preshared_keys ? words.presharedOn : words.presharedOff);
  }
  if (patch.masquerade_interfaces !== undefined) {
    said.push(words.masqueradeChanges);
  }
  return said;
}
