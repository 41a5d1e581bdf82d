import { Modal } from "@mantine/core";

import { client } from "../../api/index.ts";
import { Conflict } from "../../components/Conflict.tsx";
import { Form } from "../../components/Form.tsx";
import { notifyDone } from "../../components/problem.ts";
import { useEdit } from "../../components/useEdit.ts";
import { t } from "../../text/common.ts";
import { webhooksText } from "../../text/webhooks.ts";
import { WebhookFields } from "./WebhookFields.tsx";
import { flawsOf, LABELS, readWebhook, toForm, type Webhook, type WebhookForm } from "./webhookForm.ts";

/** Changes where a webhook sends to, and what. */
export function EditWebhook({ webhook, onClose }: { webhook: Webhook | undefined; onClose: () => void }) {
  return (
    <Modal opened={webhook !== undefined} onClose={onClose} title={webhooksText.edit} size="lg">
      {webhook !== undefined && <Fields webhook={webhook} onClose={onClose} />}
    </Modal>
  );
}

function Fields({ webhook, onClose }: { webhook: Webhook; onClose: () => void }) {
  const path = { id: webhook.id };
  const versioned = (one: Webhook) => ({ values: toForm(one), version: one.version });
  const { form, frame, reason, conflict } = useEdit<WebhookForm>({
    start: versioned(webhook),
    labels: LABELS,
    validate: flawsOf,
    read: async () => versioned(await readWebhook(webhook.id)),
    save: ({ url, description, event_types }, header) =>
      client.PATCH("/admin/webhooks/{id}", {
        params: { path, header },
        body: { url, description, event_types },
      }),
    onSaved: () => {
      notifyDone(webhooksText.done.changed);
      onClose();
    },
  });
  return (
    <>
      <Form {...frame} reason={reason} noValidate verb={t.save} onCancel={onClose}>
        <WebhookFields form={form} />
      </Form>
      <Conflict {...conflict} />
    </>
  );
}
