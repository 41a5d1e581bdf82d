/** The form of a webhook. */

import type { Schemas } from "../../api/client.ts";
import { t } from "../../text/index.ts";

export type Webhook = Schemas["Webhook"];

export interface WebhookForm extends Record<string, unknown> {
  url: string;
  description: string;
  event_types: string[];
}

export const newWebhook: WebhookForm = { url: "", description: "", event_types: [] };

export const LABELS = {
  url: t.webhooks.url,
  description: t.webhooks.description,
  event_types: t.webhooks.events,
};

export function toForm({ url, description, event_types }: Webhook): WebhookForm {
  return { url, description, event_types: [...event_types] };
}

/** What the server would refuse; whether plain HTTP is allowed is for the server to know. */
export function flawsOf({ url, event_types: types }: WebhookForm): Record<string, string> {
  const flaws: Record<string, string> = {};
  if (!/^https?:\/\/[^/\s]+/i.test(url.trim())) {
    flaws["url"] = t.webhooks.urlWrong;
  }
  if (!types.every((type) => /^(?=.)[a-z_.]{0,100}\*?$/.test(type.trim()))) {
    flaws["event_types"] = t.webhooks.eventsWrong;
  }
  return flaws;
}
