import { client } from "../../api/index.ts";
import { ifMatch } from "../../api/etag.ts";
import { confirmOf } from "../../components/confirm.tsx";
import { openDialog } from "../../components/dialogs.ts";
import { webhooksText } from "../../text/webhooks.ts";
import { TestResult } from "./TestResult.tsx";
import { readWebhook, type Webhook } from "./webhookForm.ts";

const words = webhooksText;

/** Sends a test and shows what becomes of it: an endpoint may take its time to answer. */
export function test(webhook: Webhook): void {
  const answer = client
    .POST("/admin/webhooks/{id}/test", { params: { path: { id: webhook.id } } })
    .then(({ data }) => data);
  // It may fail before there is a dialog to say so.
  answer.catch(() => undefined);
  openDialog({ title: words.testTitle }, (close) => <TestResult answer={answer} close={close} />);
}

/** Enables or disables it, once that was confirmed. */
export function setEnabled(webhook: Webhook, enabled: boolean): void {
  confirmOf(webhook, () => readWebhook(webhook.id), ({ id, version }) => ({
    title: enabled ? words.enableTitle : words.disableTitle,
    text: enabled ? words.enableText : words.disableText,
    verb: enabled ? words.enable : words.disable,
    danger: !enabled,
    action: (reason) =>
      client.PATCH("/admin/webhooks/{id}", {
        params: { path: { id }, header: { ...reason, ...ifMatch(version) } },
        body: { enabled },
      }),
    done: enabled ? words.done.enabled : words.done.disabled,
  }));
}

export function remove(webhook: Webhook): void {
  confirmOf(webhook, () => readWebhook(webhook.id), ({ id, url, version }) => ({
    title: words.removeTitle,
    text: `${url}: ${words.removeText}`,
    verb: words.remove,
    danger: true,
    action: (reason) =>
      client.DELETE("/admin/webhooks/{id}", {
        params: { path: { id }, header: { ...reason, ...ifMatch(version) } },
      }),
    done: words.done.removed,
  }));
}
