import { t } from "./common.ts";
import { platforms } from "./platforms.ts";
import { sessionText } from "./session.ts";

/** The fields of the API as people know them: what an event changed, what an answer complains of. */
const fields: Readonly<Record<string, string>> = {
  active: "In force",
  address_pool_v4: "IPv4 address pool",
  address_pool_v6: "IPv6 address pool",
  address_v4: "Address in the tunnel",
  address_v6: "IPv6 address in the tunnel",
  agent_version: "Agent version",
  app_version: "Client version",
  assigned_ip: "Address in the tunnel",
  at: "When",
  body: "The content",
  current_password: "Present password",
  description: "Description",
  destinations: "Destinations",
  device_id: "Device",
  display_name: "Name",
  dns_search: "DNS search domains",
  dns_servers: "DNS servers",
  drain_target: "Devices are moved to",
  draining: "Draining",
  effect: "Effect",
  email: "Email",
  enabled: "Enabled",
  end_reason: "Ended because",
  endpoint: "Endpoint",
  event_types: "Events",
  expired: "Expired",
  expires_at: "Expires",
  fingerprint: "Mark of the machine",
  from: "From",
  full_tunnel: "Full tunnel",
  gateway_id: "Gateway",
  generate_key: "Key made by NexaVPN",
  group_id: "Group",
  groups: "Groups",
  internal_networks: "Internal networks",
  join_token_expires_at: "Join token expires",
  keep_previous_s: "The present secret signs for another",
  key_origin: "Key made by",
  listen_port: "Listen port",
  masquerade_interfaces: "Masquerade on interfaces",
  max_stale_s: "Silence allowed, in seconds",
  members: "Members",
  mtu: "MTU",
  must_change_password: "New password due",
  name: "Name",
  next_key: "Next key",
  note: "Checkpoint",
  os_version: "System version",
  password: "Password",
  persistent_keepalive: "Keepalive, in seconds",
  platform: "Platform",
  ports: "Ports",
  preshared_keys: "Preshared keys",
  previous_secret_until: "The secret before signs until",
  priority: "Priority",
  protocol: "Protocol",
  psk_ref: "Preshared key",
  public_key: "Public key",
  reason: "Reason",
  revoked: "Revoked",
  role: "Role",
  rotation_deadline: "New key due by",
  rotation_lapsed: "Key lapsed",
  row: "Row",
  rows: "Row",
  services: "Services",
  signing_key: "Signing key",
  signing_key_id: "Signing key’s id",
  switch_at: "Switch at",
  target: "Target",
  targets: "Targets",
  url: "Address",
  user_id: "Owner",
  username: "Username",
  valid_from: "From",
  valid_until: "Until",
};

/** What some are called where they belong to one kind of thing. */
const ofKind: Readonly<Record<string, string>> = {
  "session.active": "Signed in",
  "session.user_id": "User",
};

/** Lists that the API counts from one, as the rows of a file. */
const FROM_ONE = ["rows"];

/** What a field of a list, or within one, is called: `services[0].ports` is “Services 1, Ports”. */
export function fieldText(name: string, kind?: string): string {
  const exact = ofKind[`${kind}.${name}`];
  if (exact !== undefined) {
    return exact;
  }
  return name
    .split(".")
    .map((part) => {
      const [, own = part, number] = /^(\w+)\[(\d+)\]$/.exec(part) ?? [];
      const label = fields[own] ?? own.replaceAll("_", " ");
      return number === undefined ? label : `${label} ${Number(number) + (FROM_ONE.includes(own) ? 0 : 1)}`;
    })
    .join(", ");
}

/** Fields whose values are one word of several. */
const values: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  effect: t.effects,
  end_reason: {
    logout: "the user signed out",
    revoked: "it was ended",
    token_reuse: "its token was used twice",
    password_changed: "the password was changed",
    user_disabled: "the user was disabled",
    user_deleted: "the user was deleted",
    device_owner_changed: "its device has another owner",
    role_changed: "the role was changed",
  },
  key_origin: { client: "the device", server: "NexaVPN" },
  platform: platforms,
  role: sessionText.roles,
};

/** A value in words, where its field has words for it. */
export function fieldValue(field: string, value: unknown): string | undefined {
  return typeof value === "string" ? values[field]?.[value] : undefined;
}
