import { Status } from "../../components/Status.tsx";
import { webhooksText } from "../../text/webhooks.ts";
import type { Webhook } from "./webhookForm.ts";

/** The colours of other states that mean as much. */
const LOOKS = { ok: "success", failing: "expired", dead: "failure", disabled: "disabled", unknown: "unknown" } as const;

/** How a webhook's endpoint stands. */
export function WebhookState({ webhook }: { webhook: Webhook }) {
  const state = webhook.delivery?.state ?? (webhook.enabled ? "unknown" : "disabled");
  return <Status of={LOOKS[state]} label={webhooksText.states[state]} />;
}
