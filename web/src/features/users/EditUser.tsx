import { Modal, TextInput } from "@mantine/core";

import { client, type Schemas } from "../../api/index.ts";
import { Conflict } from "../../components/Conflict.tsx";
import { Form } from "../../components/Form.tsx";
import { notifyDone } from "../../components/problem.ts";
import { useEdit, type Versioned } from "../../components/useEdit.ts";
import { t } from "../../text/common.ts";
import { usersText } from "../../text/users.ts";
import { nameOf, readUser } from "./userChanges.ts";
import { type UserForm, userForm, userPatch } from "./userForm.ts";

const LABELS = { username: usersText.username, display_name: usersText.displayName, email: usersText.email };

export function EditUser({ user, opened, onClose }: { user: Schemas["User"]; opened: boolean; onClose: () => void }) {
  return (
    <Modal opened={opened} onClose={onClose} title={usersText.editTitle(nameOf(user))} closeOnClickOutside={false}>
      <Fields user={user} onClose={onClose} />
    </Modal>
  );
}

function versioned(user: Schemas["User"]): Versioned<UserForm> {
  return { values: userForm(user), version: user.version };
}

function Fields({ user, onClose }: { user: Schemas["User"]; onClose: () => void }) {
  const path = { id: user.id };
  const { form, frame, reason, conflict } = useEdit<UserForm>({
    start: versioned(user),
    labels: LABELS as Record<keyof UserForm & string, string>,
    read: async () => versioned(await readUser(user.id)),
    save: (values, header) =>
      client.PATCH("/admin/users/{id}", { params: { path, header }, body: userPatch(values) }),
    onSaved: () => {
      notifyDone(t.saved);
      onClose();
    },
  });
  return (
    <>
      <Form {...frame} reason={reason} verb={t.save} onCancel={onClose}>
        <TextInput
          label={usersText.username}
          description={usersText.usernameHint}
          autoCapitalize="none"
          spellCheck={false}
          required
          {...form.getInputProps("username")}
        />
        <TextInput label={usersText.displayName} required data-autofocus {...form.getInputProps("display_name")} />
        <TextInput label={usersText.email} type="email" {...form.getInputProps("email")} />
      </Form>
      <Conflict {...conflict} />
    </>
  );
}
