import type { Schemas } from "../api/client.ts";
import { auditText } from "../text/audit.ts";
import { t } from "../text/common.ts";

/** Who acted, in words. */
export function actorName(actor: Schemas["AuditEntry"]["actor"]): string {
  switch (actor.type) {
    case "system":
      return auditText.system;
    case "anonymous":
      return auditText.anonymous;
    default:
      return actor.name ?? t.erased;
  }
}
