import { Modal, Select, Text } from "@mantine/core";
import { useState } from "react";

import { changed, client } from "../../api/index.ts";
import { ifMatch } from "../../api/etag.ts";
import { Form } from "../../components/Form.tsx";
import { Overtaken } from "../../components/Overtaken.tsx";
import { useReason } from "../../components/reason.ts";
import { useNewest } from "../../components/useNewest.ts";
import { useSubmit } from "../../components/useSubmit.ts";
import { t } from "../../text/common.ts";
import { webhooksText } from "../../text/webhooks.ts";
import { tellSecret } from "./Secret.tsx";
import { readWebhook, type Webhook } from "./webhookForm.ts";

const DAY = "86400";

/** Gives a webhook another secret, shown once. */
export function RotateSecret({ webhook, onClose }: { webhook: Webhook | undefined; onClose: () => void }) {
  return (
    <Modal opened={webhook !== undefined} onClose={onClose} title={webhooksText.rotateTitle}>
      {webhook !== undefined && <Fields webhook={webhook} onClose={onClose} />}
    </Modal>
  );
}

function Fields({ webhook, onClose }: { webhook: Webhook; onClose: () => void }) {
  const [keep, setKeep] = useState(DAY);
  const reason = useReason();
  const { overtaken, attempt } = useNewest(webhook, ({ id }) => readWebhook(id));
  const { problem, busy, run } = useSubmit();
  const submit = () =>
    run(async () => {
      let answer: Parameters<typeof tellSecret>[0];
      const done = await attempt(async ({ id, version }) => {
        const params = { path: { id }, header: { ...ifMatch(version), ...reason.header } };
        const body = { keep_previous_s: Number(keep) };
        answer = (await client.POST("/admin/webhooks/{id}/rotate-secret", { params, body })).data;
      });
      if (!done) {
        return;
      }
      onClose();
      tellSecret(answer);
      await changed();
    });
  return (
    <Form
      onSubmit={() => void submit()}
      problem={problem}
      busy={busy}
      verb={overtaken ? t.conflict.allTheSame : webhooksText.rotateVerb}
      onCancel={onClose}
      reason={reason.field}
    >
      <Text size="sm">{webhooksText.rotateText}</Text>
      <Select
        label={webhooksText.rotateKeep}
        data={webhooksText.keep.map(([value, label]) => ({ value, label }))}
        value={keep}
        allowDeselect={false}
        onChange={(value) => setKeep(value ?? DAY)}
      />
      <Overtaken by={overtaken} />
    </Form>
  );
}
