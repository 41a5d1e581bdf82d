/**
 * What can happen, by what it happens to: what the filter offers. An event that is missing here is
 * shown all the same, and can be filtered by in the URL.
 */
export const EVENTS: Readonly<Record<string, readonly string[]>> = {
  user: [
    "created", "renamed", "display_name_changed", "email_changed", "role_changed", "password_changed",
    "disabled", "enabled", "deleted", "erased",
  ],
  group: ["created", "renamed", "description_changed", "member_added", "member_removed", "restored", "deleted"],
  device: [
    "enrolled", "renamed", "reprovisioned", "rotation_requested", "rotation_lapsed", "preshared_key_changed",
    "address_changed", "gateway_changed", "owner_changed", "platform_changed", "expiry_changed", "expired",
    "disabled", "enabled", "revoked",
  ],
  policy: ["created", "changed", "activated", "expired", "restored", "deleted"],
  gateway: [
    "created", "changed", "join_token_issued", "joined", "key_set", "key_rotation_requested",
    "next_key_announced", "key_switched", "key_rotation_called_off", "drain_started", "drain_ended", "deleted",
  ],
  session: ["started", "device_bound", "token_reused", "ended"],
  security: ["failure", "failures_repeated", "signing_key_introduced"],
  webhook: ["created", "changed", "secret_rotated", "replayed", "disabled", "enabled", "deleted"],
};

/** The wire names of the events of one kind, or of all. */
export function eventTypes(entity: string | undefined): string[] {
  const kinds = entity === undefined ? Object.keys(EVENTS) : [entity];
  return kinds.flatMap((kind) => (EVENTS[kind] ?? []).map((name) => `${kind}.${name}`));
}
