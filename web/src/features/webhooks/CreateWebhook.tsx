import { Alert, Button, Group, Modal, Stack } from "@mantine/core";
import { useForm } from "@mantine/form";
import { useState } from "react";

import { changed, client } from "../../api/index.ts";
import { takeErrors } from "../../components/problem.ts";
import { t } from "../../text/common.ts";
import { webhooksText } from "../../text/webhooks.ts";
import { tellSecret } from "./Secret.tsx";
import { WebhookFields } from "./WebhookFields.tsx";
import { flawsOf, newWebhook, type WebhookForm } from "./webhookForm.ts";

/** Makes a webhook, and shows its secret once. */
export function CreateWebhook({ opened, onClose }: { opened: boolean; onClose: () => void }) {
  return (
    <Modal opened={opened} onClose={onClose} title={webhooksText.new} size="lg">
      <Form onClose={onClose} />
    </Modal>
  );
}

function Form({ onClose }: { onClose: () => void }) {
  const form = useForm<WebhookForm>({ initialValues: newWebhook, validate: flawsOf, validateInputOnBlur: ["url"] });
  const [problem, setProblem] = useState<string>();
  const [busy, setBusy] = useState(false);
  const submit = form.onSubmit(async ({ url, description, event_types }) => {
    setBusy(true);
    setProblem(undefined);
    try {
      const { data } = await client.POST("/admin/webhooks", { body: { url, description, event_types } });
      onClose();
      tellSecret(data);
      await changed();
    } catch (error) {
      setProblem(takeErrors(form, error));
    } finally {
      setBusy(false);
    }
  });
  return (
    <form onSubmit={submit} noValidate>
      <Stack>
        {problem !== undefined && (
          <Alert color="red" role="alert">
            {problem}
          </Alert>
        )}
        <WebhookFields form={form} />
        <Group justify="flex-end">
          <Button variant="default" onClick={onClose}>
            {t.cancel}
          </Button>
          <Button type="submit" loading={busy}>
            {webhooksText.create}
          </Button>
        </Group>
      </Stack>
    </form>
  );
}
