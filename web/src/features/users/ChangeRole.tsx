import { Modal, Radio, Stack, Text } from "@mantine/core";
import { useForm } from "@mantine/form";

import { ifMatch } from "../../api/etag.ts";
import { ApiError, changed, client, type Schemas } from "../../api/index.ts";
import { Form } from "../../components/Form.tsx";
import { notifyDone, takeErrors } from "../../components/problem.ts";
import { useReason } from "../../components/reason.ts";
import { useSubmit } from "../../components/useSubmit.ts";
import { sessionText } from "../../text/session.ts";
import { usersText } from "../../text/users.ts";
import { nameOf } from "./userChanges.ts";
import type { Role } from "./userForm.ts";

const ROLES: readonly Role[] = ["user", "auditor", "admin"];

/** Gives a user another role; it says by itself what that does. */
export function ChangeRole({ user, opened, onClose }: { user: Schemas["User"]; opened: boolean; onClose: () => void }) {
  return (
    <Modal opened={opened} onClose={onClose} title={usersText.roleTitle(nameOf(user))}>
      <Fields user={user} onClose={onClose} />
    </Modal>
  );
}

function Fields({ user, onClose }: { user: Schemas["User"]; onClose: () => void }) {
  const form = useForm({ initialValues: { role: user.role as string } });
  const reason = useReason();
  const { problem, busy, run } = useSubmit((error) => {
    if (error instanceof ApiError && error.status === 412) {
      void changed();
      return usersText.roleStale;
    }
    return takeErrors(form, error);
  });
  const submit = form.onSubmit(({ role }) =>
    run(async () => {
      await client.PATCH("/admin/users/{id}", {
        params: { path: { id: user.id }, header: { ...ifMatch(user.version), ...reason.header } },
        body: { role: role as Role },
      });
      notifyDone(usersText.roleDone);
      onClose();
      await changed();
    }),
  );
  return (
    <Form
      onSubmit={submit}
      problem={problem}
      busy={busy}
      verb={usersText.roleVerb}
      disabled={form.getValues().role === user.role}
      onCancel={onClose}
      reason={reason.field}
    >
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
    </Form>
  );
}
