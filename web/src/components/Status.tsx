import { Badge } from "@mantine/core";

import { t } from "../text/index.ts";

const COLORS: Record<string, string> = {
  active: "green",
  converged: "green",
  allow: "green",
  success: "green",
  disabled: "gray",
  revoked: "red",
  erased: "gray",
  expired: "orange",
  deny: "red",
  failure: "red",
};

/** A state as a word in a colour; never by the colour alone. */
export function Status({ of, label }: { of: string; label?: string }) {
  return (
    <Badge variant="light" color={COLORS[of] ?? "blue"} tt="none" fw={600}>
      {label ?? t.status[of] ?? of.replaceAll("_", " ")}
    </Badge>
  );
}
