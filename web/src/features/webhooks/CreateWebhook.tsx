import { Modal } from "@mantine/core";
import { useForm } from "@mantine/form";

import { changed, client } from "../../api/index.ts";
import { Form } from "../../components/Form.tsx";
import { takeErrors } from "../../components/problem.ts";
import { useReason } from "../../components/reason.ts";
import { useSubmit } from "../../components/useSubmit.ts";
import { webhooksText } from "../../text/webhooks.ts";
import { tellSecret } from "./Secret.tsx";
import { WebhookFields } from "./WebhookFields.tsx";
import { flawsOf, newWebhook, type WebhookForm } from "./webhookForm.ts";

/** Makes a webhook, and shows its secret once. */
export function CreateWebhook({ opened, onClose }: { opened: boolean; onClose: () => void }) {
  return (
    <Modal opened={opened} onClose={onClose} title={webhooksText.create} size="lg">
      <Fields onClose={onClose} />
    </Modal>
  );
}

function Fields({ onClose }: { onClose: () => void }) {
  const form = useForm<WebhookForm>({ initialValues: newWebhook, validate: flawsOf, validateInputOnBlur: ["url"] });
  const reason = useReason();
  const { problem, busy, run } = useSubmit((error) => takeErrors(form, error));
  const submit = form.onSubmit(({ url, description, event_types }) =>
    run(async () => {
      const { data } = await client.POST("/admin/webhooks", {
        params: { header: reason.header },
        body: { url, description, event_types },
      });
      onClose();
      tellSecret(data);
      await changed();
    }),
  );
  return (
    <Form
      onSubmit={submit}
      noValidate
      problem={problem}
      busy={busy}
      verb={webhooksText.create}
      onCancel={onClose}
      reason={reason.field}
    >
      <WebhookFields form={form} />
    </Form>
  );
}
