import { Alert, Button, Group, Modal, Select, Stack, Text, TextInput } from "@mantine/core";
import { useState } from "react";

import { changed, client } from "../../api/index.ts";
import { ifMatch } from "../../api/etag.ts";
import { reasonHeader } from "../../components/confirm.tsx";
import { messageOf } from "../../components/problem.ts";
import { t } from "../../text/common.ts";
import { webhooksText } from "../../text/webhooks.ts";
import { tellSecret } from "./Secret.tsx";
import type { Webhook } from "./webhookForm.ts";

const DAY = "86400";

/** Gives a webhook another secret, shown once. */
export function RotateSecret({ webhook, onClose }: { webhook: Webhook | undefined; onClose: () => void }) {
  return (
    <Modal opened={webhook !== undefined} onClose={onClose} title={webhooksText.rotateTitle}>
      {webhook !== undefined && <Form webhook={webhook} onClose={onClose} />}
    </Modal>
  );
}

function Form({ webhook, onClose }: { webhook: Webhook; onClose: () => void }) {
  const [keep, setKeep] = useState(DAY);
  const [reason, setReason] = useState("");
  const [problem, setProblem] = useState<string>();
  const [busy, setBusy] = useState(false);
  const submit = async () => {
    setBusy(true);
    setProblem(undefined);
    try {
      const { data } = await client.POST("/admin/webhooks/{id}/rotate-secret", {
        params: { path: { id: webhook.id }, header: { ...ifMatch(webhook.version), ...reasonHeader(reason) } },
        body: { keep_previous_s: Number(keep) },
      });
      onClose();
      tellSecret(data);
      await changed();
    } catch (error) {
      setProblem(messageOf(error));
    } finally {
      setBusy(false);
    }
  };
  return (
    <form
      onSubmit={(event) => {
        event.preventDefault();
        void submit();
      }}
    >
      <Stack>
        <Text size="sm">{webhooksText.rotateText}</Text>
        <Select
          label={webhooksText.rotateKeep}
          data={webhooksText.keep.map(([value, label]) => ({ value, label }))}
          value={keep}
          allowDeselect={false}
          onChange={(value) => setKeep(value ?? DAY)}
        />
        <TextInput
          label={t.reason}
          placeholder={t.optional}
          maxLength={500}
          value={reason}
          onChange={(event) => setReason(event.currentTarget.value)}
        />
        {problem !== undefined && (
          <Alert color="red" role="alert">
            {problem}
          </Alert>
        )}
        <Group justify="flex-end">
          <Button variant="default" onClick={onClose}>
            {t.cancel}
          </Button>
          <Button type="submit" loading={busy}>
            {webhooksText.rotateVerb}
          </Button>
        </Group>
      </Stack>
    </form>
  );
}
