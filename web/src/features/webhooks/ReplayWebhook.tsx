import { Alert, Button, Group, Modal, Stack, Text, TextInput } from "@mantine/core";
import { useState } from "react";

import { changed, client } from "../../api/index.ts";
import { ifMatch } from "../../api/etag.ts";
import { reasonHeader } from "../../components/confirm.tsx";
import { NumberField } from "../../components/NumberField.tsx";
import { messageOf, notifyDone } from "../../components/problem.ts";
import { t } from "../../text/common.ts";
import { webhooksText } from "../../text/webhooks.ts";
import type { Webhook } from "./webhookForm.ts";

/** Sends events once more, or leaves some out. */
export function ReplayWebhook({ webhook, onClose }: { webhook: Webhook | undefined; onClose: () => void }) {
  return (
    <Modal opened={webhook !== undefined} onClose={onClose} title={webhooksText.replayTitle}>
      {webhook !== undefined && <Form webhook={webhook} onClose={onClose} />}
    </Modal>
  );
}

function Form({ webhook, onClose }: { webhook: Webhook; onClose: () => void }) {
  const cursor = webhook.delivery?.cursor ?? 0;
  const [typed, setTyped] = useState<number | string>("");
  const [reason, setReason] = useState("");
  const [problem, setProblem] = useState<string>();
  const [busy, setBusy] = useState(false);
  const from = typed === "" ? Number.NaN : Number(typed);
  const good = Number.isSafeInteger(from) && from >= 1;
  const skips = good ? from - cursor - 1 : 0;
  const submit = async () => {
    setBusy(true);
    setProblem(undefined);
    try {
      await client.POST("/admin/webhooks/{id}/replay", {
        params: { path: { id: webhook.id }, header: { ...ifMatch(webhook.version), ...reasonHeader(reason) } },
        body: { from },
      });
      notifyDone(webhooksText.replayed);
      onClose();
      await changed();
    } catch (error) {
      setProblem(messageOf(error));
    } finally {
      setBusy(false);
    }
  };
  return (
    <form
      noValidate
      onSubmit={(event) => {
        event.preventDefault();
        void (good && submit());
      }}
    >
      <Stack>
        <Text size="sm">{webhooksText.replayText}</Text>
        <NumberField
          label={webhooksText.replayFrom}
          description={webhooksText.replayHint(cursor)}
          required
          data-autofocus
          value={typed}
          onChange={setTyped}
          error={typed !== "" && !good ? webhooksText.replayNumber : undefined}
        />
        <TextInput
          label={t.reason}
          placeholder={t.optional}
          maxLength={500}
          value={reason}
          onChange={(event) => setReason(event.currentTarget.value)}
        />
        {skips > 0 && (
          <Alert color="red" role="alert">
            {webhooksText.replaySkips(skips)}
          </Alert>
        )}
        {problem !== undefined && (
          <Alert color="red" role="alert">
            {problem}
          </Alert>
        )}
        <Group justify="flex-end">
          <Button variant="default" onClick={onClose}>
            {t.cancel}
          </Button>
          <Button type="submit" loading={busy} disabled={!good} {...(skips > 0 ? { color: "red.8" } : {})}>
            {webhooksText.replayVerb}
          </Button>
        </Group>
      </Stack>
    </form>
  );
}
