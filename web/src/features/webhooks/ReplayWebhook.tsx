import { Alert, Modal, Text } from "@mantine/core";
import { useState } from "react";

import { changed, client } from "../../api/index.ts";
import { ifMatch } from "../../api/etag.ts";
import { Form } from "../../components/Form.tsx";
import { NumberField } from "../../components/NumberField.tsx";
import { notifyDone } from "../../components/problem.ts";
import { Overtaken } from "../../components/Overtaken.tsx";
import { useReason } from "../../components/reason.ts";
import { useNewest } from "../../components/useNewest.ts";
import { useSubmit } from "../../components/useSubmit.ts";
import { t } from "../../text/common.ts";
import { webhooksText } from "../../text/webhooks.ts";
import { readWebhook, type Webhook } from "./webhookForm.ts";

/** Sends events once more, or leaves some out. */
export function ReplayWebhook({ webhook, onClose }: { webhook: Webhook | undefined; onClose: () => void }) {
  return (
    <Modal opened={webhook !== undefined} onClose={onClose} title={webhooksText.replayTitle}>
      {webhook !== undefined && <Fields webhook={webhook} onClose={onClose} />}
    </Modal>
  );
}

function Fields({ webhook, onClose }: { webhook: Webhook; onClose: () => void }) {
  const { now, overtaken, attempt } = useNewest(webhook, ({ id }) => readWebhook(id));
  const cursor = now.delivery?.cursor ?? 0;
  const [typed, setTyped] = useState<number | string>("");
  const reason = useReason();
  const { problem, busy, run } = useSubmit();
  const from = typed === "" ? Number.NaN : Number(typed);
  const good = Number.isSafeInteger(from) && from >= 1;
  const skips = good ? from - cursor - 1 : 0;
  const submit = () =>
    run(async () => {
      const done = await attempt(({ id, version }) =>
        client.POST("/admin/webhooks/{id}/replay", {
          params: { path: { id }, header: { ...ifMatch(version), ...reason.header } },
          body: { from },
        }),
      );
      if (!done) {
        return;
      }
      notifyDone(webhooksText.replayed);
      onClose();
      await changed();
    });
  return (
    <Form
      onSubmit={() => void (good && submit())}
      noValidate
      problem={problem}
      busy={busy}
      verb={overtaken ? t.conflict.allTheSame : webhooksText.replayVerb}
      danger={skips > 0}
      disabled={!good}
      onCancel={onClose}
      reason={reason.field}
    >
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
      {skips > 0 && (
        <Alert color="red" role="alert">
          {webhooksText.replaySkips(skips)}
        </Alert>
      )}
      <Overtaken by={overtaken} />
    </Form>
  );
}
