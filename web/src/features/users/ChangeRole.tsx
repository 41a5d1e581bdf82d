import { Alert, Button, Group, Modal, Radio, Stack, Text, TextInput } from "@mantine/core";
import { useForm } from "@mantine/form";
import { useState } from "react";

import { ifMatch } from "../../api/etag.ts";
import { ApiError, changed, client, type Schemas } from "../../api/index.ts";
import { reasonHeader } from "../../components/confirm.tsx";
import { notifyDone, takeErrors } from "../../components/problem.ts";
import { t } from "../../text/common.ts";
import { sessionText } from "../../text/session.ts";
import { usersText } from "../../text/users.ts";
import { nameOf } from "./userChanges.ts";
import type { Role } from "./userForm.ts";

const ROLES: readonly Role[] = ["user", "auditor", "admin"];

/** Gives a user another role; it says by itself what that does. */
export function ChangeRole({ user, opened, onClose }: { user: Schemas["User"]; opened: boolean; onClose: () => void }) {
  return (
    <Modal opened={opened} onClose={onClose} title={usersText.roleTitle(nameOf(user))}>
      <Form user={user} onClose={onClose} />
    </Modal>
  );
}

function Form({ user, onClose }: { user: Schemas["User"]; onClose: () => void }) {
  const form = useForm({ initialValues: { role: user.role as string, reason: "" } });
  const [problem, setProblem] = useState<string>();
  const [busy, setBusy] = useState(false);
  const submit = form.onSubmit(async ({ role, reason }) => {
    setBusy(true);
    setProblem(undefined);
    try {
      await client.PATCH("/admin/users/{id}", {
        params: { path: { id: user.id }, header: { ...ifMatch(user.version), ...reasonHeader(reason) } },
        body: { role: role as Role },
      });
      notifyDone(usersText.roleDone);
      onClose();
      await changed();
    } catch (error) {
      if (error instanceof ApiError && error.status === 412) {
        await changed();
        setProblem(usersText.roleStale);
      } else {
        setProblem(takeErrors(form, error));
      }
    } finally {
      setBusy(false);
    }
  });
  return (
    <form onSubmit={submit}>
      <Stack>
        {problem !== undefined && (
          <Alert color="red" role="alert">
            {problem}
          </Alert>
        )}
        <Radio.Group label={usersText.role} {...form.getInputProps("role")}>
          <Stack gap="xs" mt="xs">
            {ROLES.map((role) => (
              <Radio
                key={role}
                value={role}
                label={role === user.role ? usersText.roleNow(sessionText.roles[role] ?? role) : sessionText.roles[role]}
                description={usersText.roleHints[role]}
              />
            ))}
          </Stack>
        </Radio.Group>
        <Text size="sm">{usersText.roleText}</Text>
        <TextInput label={t.reason} placeholder={t.optional} maxLength={500} {...form.getInputProps("reason")} />
        <Group justify="flex-end">
          <Button variant="default" onClick={onClose}>
            {t.cancel}
          </Button>
          <Button type="submit" loading={busy} disabled={form.getValues().role === user.role}>
            {usersText.roleVerb}
          </Button>
        </Group>
      </Stack>
    </form>
  );
}
