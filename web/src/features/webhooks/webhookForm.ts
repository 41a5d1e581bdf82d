/** The form of a webhook. */

import { client, type Schemas } from "../../api/index.ts";
import { webhooksText } from "../../text/webhooks.ts";

export type Webhook = Schemas["Webhook"];

export async function readWebhook(id: string): Promise<Webhook> {
  const { data } = await client.GET("/admin/webhooks/{id}", { params: { path: { id } } });
  return data as Webhook;
}

export interface WebhookForm extends Record<string, unknown> {
  url: string;
  description: string;
  event_types: string[];
}

export const newWebhook: WebhookForm = { url: "", description: "", event_types: [] };

export const LABELS = {
  url: webhooksText.url,
  description: webhooksText.description,
  event_types: webhooksText.events,
};

export function toForm({ url, description, event_types }: Webhook): WebhookForm {
  return { url, description, event_types: [...event_types] };
}

/** What the server would refuse; whether plain HTTP is allowed is for the server to know. */
export function flawsOf({ url, event_types: types }: WebhookForm): Record<string, string> {
  const flaws: Record<string, string> = {};
  if (!/^https?:\/\/[^/\s]+/i.test(url.trim())) {
    flaws["url"] = webhooksText.urlWrong;
  }
  if (!types.every((type) => /^(?=.)[a-z_.]{0,100}\*?$/.test(type.trim()))) {
    flaws["event_types"] = webhooksText.eventsWrong;
  }
  return flaws;
}
