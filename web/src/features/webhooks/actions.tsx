import { Alert, Button, Group, Stack, Text } from "@mantine/core";

import { client } from "../../api/index.ts";
import { ifMatch } from "../../api/etag.ts";
import { confirmOf } from "../../components/confirm.tsx";
import { openDialog } from "../../components/dialogs.ts";
import { notifyProblem } from "../../components/problem.ts";
import { t } from "../../text/common.ts";
import { webhooksText } from "../../text/webhooks.ts";
import { readWebhook, type Webhook } from "./webhookForm.ts";

const words = webhooksText;

/** Sends a test and shows what became of it. */
export async function test(webhook: Webhook): Promise<void> {
  try {
    const { data } = await client.POST("/admin/webhooks/{id}/test", { params: { path: { id: webhook.id } } });
    if (data === undefined) {
      return;
    }
    const { delivered, took_ms: ms, status, error } = data;
    openDialog({ title: words.testTitle }, (close) => (
      <Stack>
        <Alert color={delivered ? "green" : "red"} role="status">
          <Text size="sm">{delivered ? words.testDone(ms, status) : words.testFailed(ms, status)}</Text>
          {error && (
            <Text size="sm" mt="xs">
              {error}
            </Text>
          )}
        </Alert>
        <Group justify="flex-end">
          <Button data-autofocus onClick={close}>
            {t.close}
          </Button>
        </Group>
      </Stack>
    ));
  } catch (error) {
    notifyProblem(error);
  }
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
