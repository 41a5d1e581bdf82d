import { Badge } from "@mantine/core";

import { t } from "../text/common.ts";

export const COLORS: Readonly<Record<string, string>> = {
  active: "green",
  allow: "green",
  success: "green",
  disabled: "gray",
  revoked: "red",
  erased: "gray",
  expired: "orange",
  deny: "red",
  failure: "red",
  owner_disabled: "gray",
  rotation_lapsed: "orange",
  in_sync: "green",
  behind: "orange",
  rejecting: "red",
  unreachable: "red",
  never_joined: "gray",
  history_lost: "red",
  unknown: "gray",
  draining: "blue",
  drained: "gray",
  stuck: "red",
  waiting_for_node: "orange",
  announced: "blue",
  switched: "green",
  published: "blue",
  applied: "green",
  rejected: "red",
};

/** A state as a word in a colour; never by the colour alone. */
export function Status({ of, label }: { of: string; label?: string }) {
  return (
    <Badge variant="light" color={COLORS[of] ?? "blue"} tt="none" fw={600} miw="max-content">
      {label ?? t.status[of] ?? of}
    </Badge>
  );
}
