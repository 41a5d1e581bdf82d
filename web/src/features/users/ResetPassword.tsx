import { Button, Checkbox, Group, Stack, Text } from "@mantine/core";
import { useForm } from "@mantine/form";
import { useState } from "react";

import { changed, client, type Schemas } from "../../api/index.ts";
import { Form } from "../../components/Form.tsx";
import { OnceModal } from "../../components/OnceModal.tsx";
import { OneTime } from "../../components/OneTime.tsx";
import { notifyDone, takeErrors } from "../../components/problem.ts";
import { useReason } from "../../components/reason.ts";
import { useSubmit } from "../../components/useSubmit.ts";
import { t } from "../../text/common.ts";
import { usersText } from "../../text/users.ts";
import { PasswordField } from "./PasswordField.tsx";
import { nameOf } from "./userChanges.ts";

/** Sets a password for somebody, and shows it once more to be handed over. */
export function ResetPassword({
  user,
  opened,
  onClose,
}: {
  user: Schemas["User"];
  opened: boolean;
  onClose: () => void;
}) {
  const [password, setPassword] = useState<string>();
  const close = () => {
    setPassword(undefined);
    onClose();
  };
  return (
    <OnceModal
      opened={opened}
      onClose={close}
      holds={password !== undefined}
      closing={usersText.oneTimeClosing}
      title={usersText.resetTitle(nameOf(user))}
    >
      {password === undefined ? (
        <Fields id={user.id} onDone={setPassword} onClose={close} />
      ) : (
        <Stack>
          <OneTime label={usersText.oneTimePassword} hint={usersText.oneTimeHint} text={password} />
          <Group justify="flex-end">
            <Button onClick={close}>{t.oneTimeDone}</Button>
          </Group>
        </Stack>
      )}
    </OnceModal>
  );
}

function Fields({ id, onDone, onClose }: { id: string; onDone: (password: string) => void; onClose: () => void }) {
  const form = useForm({ initialValues: { password: "", must_change_password: true } });
  const reason = useReason();
  const { problem, busy, run } = useSubmit((error) => takeErrors(form, error));
  const submit = form.onSubmit((body) =>
    run(async () => {
      // Without `If-Match`: a new password is right whatever else was changed meanwhile.
      await client.POST("/admin/users/{id}/password", { params: { path: { id }, header: reason.header }, body });
      notifyDone(usersText.resetDone);
      onDone(body.password);
      await changed();
    }),
  );
  return (
    <Form
      onSubmit={submit}
      autoComplete="off"
      problem={problem}
      busy={busy}
      verb={usersText.resetVerb}
      danger
      onCancel={onClose}
      reason={reason.field}
    >
      <Text size="sm">{usersText.resetText}</Text>
      <PasswordField
        {...form.getInputProps("password")}
        onGenerate={(password) => form.setFieldValue("password", password)}
      />
      <Checkbox
        label={usersText.mustChange}
        {...form.getInputProps("must_change_password", { type: "checkbox" })}
      />
    </Form>
  );
}
