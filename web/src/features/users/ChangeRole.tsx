import { Modal, Radio, Stack, Text } from "@mantine/core";
import { useForm } from "@mantine/form";

import { ifMatch } from "../../api/etag.ts";
import { changed, client, type Schemas } from "../../api/index.ts";
import { Form } from "../../components/Form.tsx";
import { notifyDone, takeErrors } from "../../components/problem.ts";
import { Overtaken } from "../../components/Overtaken.tsx";
import { useReason } from "../../components/reason.ts";
import { useNewest } from "../../components/useNewest.ts";
import { useSubmit } from "../../components/useSubmit.ts";
import { t } from "../../text/common.ts";
import { sessionText } from "../../text/session.ts";
import { usersText } from "../../text/users.ts";
import { nameOf, readUser } from "./userChanges.ts";
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
  const { now, overtaken, attempt } = useNewest(user, ({ id }) => readUser(id));
  const { problem, busy, run } = useSubmit((error) => takeErrors(form, error));
  const submit = form.onSubmit(({ role }) =>
    run(async () => {
      const done = await attempt(({ id, version }) =>
        client.PATCH("/admin/users/{id}", {
          params: { path: { id }, header: { ...ifMatch(version), ...reason.header } },
          body: { role: role as Role },
        }),
      );
      if (!done) {
        return;
      }
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
      verb={overtaken ? t.conflict.allTheSame : usersText.roleVerb}
      disabled={form.getValues().role === now.role}
      onCancel={onClose}
      reason={reason.field}
    >
      <Radio.Group label={usersText.role} {...form.getInputProps("role")}>
        <Stack gap="xs" mt="xs">
          {ROLES.map((role) => (
            <Radio
              key={role}
              value={role}
              label={role === now.role ? usersText.roleNow(sessionText.roles[role] ?? role) : sessionText.roles[role]}
              description={usersText.roleHints[role]}
            />
          ))}
        </Stack>
      </Radio.Group>
      <Text size="sm">{usersText.roleText}</Text>
      <Overtaken by={overtaken} />
    </Form>
  );
}
