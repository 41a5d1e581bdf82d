import { Modal, Select, Text } from "@mantine/core";
import { useState } from "react";

import { changed, client } from "../../api/index.ts";
import { ifMatch } from "../../api/etag.ts";
import { Form } from "../../components/Form.tsx";
import { useReason } from "../../components/reason.ts";
import { useSubmit } from "../../components/useSubmit.ts";
import { webhooksText } from "../../text/webhooks.ts";
import { tellSecret } from "./Secret.tsx";
import type { Webhook } from "./webhookForm.ts";

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
  const { problem, busy, run } = useSubmit();
  const submit = () =>
    run(async () => {
      const { data } = await client.POST("/admin/webhooks/{id}/rotate-secret", {
        params: { path: { id: webhook.id }, header: { ...ifMatch(webhook.version), ...reason.header } },
        body: { keep_previous_s: Number(keep) },
      });
      onClose();
      tellSecret(data);
      await changed();
    });
  return (
    <Form
      onSubmit={() => void submit()}
      problem={problem}
      busy={busy}
      verb={webhooksText.rotateVerb}
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
    </Form>
  );
}
