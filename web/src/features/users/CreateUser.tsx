import { Alert, Button, Checkbox, Group, Radio, Select, Stack, TextInput } from "@mantine/core";
import { useForm } from "@mantine/form";
import { useState } from "react";
import { useNavigate } from "react-router";

import { changed, client } from "../../api/index.ts";
import { useNames } from "../../components/entityNames.ts";
import { EntityMultiSelect } from "../../components/EntityMultiSelect.tsx";
import { Form } from "../../components/Form.tsx";
import { OnceModal } from "../../components/OnceModal.tsx";
import { OneTime } from "../../components/OneTime.tsx";
import { messageOf, notifyDone, takeErrors } from "../../components/problem.ts";
import { type Because, useReason } from "../../components/reason.ts";
import { useSubmit } from "../../components/useSubmit.ts";
import { to } from "../../paths.ts";
import { t } from "../../text/common.ts";
import { sessionText } from "../../text/session.ts";
import { usersText } from "../../text/users.ts";
import { PasswordField } from "./PasswordField.tsx";
import { EMPTY_USER, newUser } from "./userForm.ts";

interface Created {
  readonly id: string;
  readonly username: string;
  /** Shown once more, to be handed over. */
  readonly password: string | undefined;
  /** The groups that could not be joined, and why. */
  readonly missed: { groups: string[]; why: string } | undefined;
}

/** Asks for everything about a new user, and shows the password that has to be handed over. */
export function CreateUser({ opened, onClose }: { opened: boolean; onClose: () => void }) {
  const [created, setCreated] = useState<Created>();
  const close = () => {
    setCreated(undefined);
    onClose();
  };
  return (
    <OnceModal
      opened={opened}
      onClose={close}
      holds={created?.password !== undefined}
      closing={usersText.oneTimeClosing}
      title={created === undefined ? usersText.createTitle : usersText.createdTitle(created.username)}
      size="lg"
    >
      {created === undefined ? (
        <Fields
          close={close}
          onCreated={(user) => {
            if (user.password === undefined && user.missed === undefined) {
              notifyDone(usersText.createdDone(user.username));
              close();
            } else {
              setCreated(user);
            }
          }}
        />
      ) : (
        (leave) => <HandOver user={created} close={close} another={() => leave(() => setCreated(undefined))} />
      )}
    </OnceModal>
  );
}

function Fields({ close, onCreated }: { close: () => void; onCreated: (user: Created) => void }) {
  const form = useForm({ initialValues: EMPTY_USER });
  const { problem, busy, run } = useSubmit((error) => takeErrors(form, error));
  const reason = useReason();
  const { role, how } = form.getValues();

  const submit = form.onSubmit((values) =>
    run(async () => {
      const { data } = await client.POST("/admin/users", { params: { header: reason.header }, body: newUser(values) });
      const id = data?.id ?? "";
      const missed = await join(id, values.groups, reason.header);
      onCreated({
        id,
        username: values.username.trim(),
        password: values.how === "password" ? values.password : undefined,
        missed,
      });
      await changed();
    }),
  );

  return (
    <Form
      onSubmit={submit}
      autoComplete="off"
      problem={problem}
      busy={busy}
      verb={usersText.create}
      onCancel={close}
      reason={reason.field}
    >
      <TextInput
        label={usersText.username}
        description={usersText.usernameHint}
        autoCapitalize="none"
        spellCheck={false}
        required
        data-autofocus
        {...form.getInputProps("username")}
      />
      <TextInput label={usersText.displayName} {...form.getInputProps("display_name")} />
      <TextInput label={usersText.email} type="email" {...form.getInputProps("email")} />
      <Select
        label={usersText.role}
        description={usersText.roleHints[role]}
        data={["user", "auditor", "admin"].map((value) => ({ value, label: sessionText.roles[value] ?? value }))}
        allowDeselect={false}
        {...form.getInputProps("role")}
      />
      <EntityMultiSelect
        kind="group"
        label={usersText.groups}
        description={usersText.groupsHint}
        value={form.getValues().groups}
        onChange={(groups) => form.setFieldValue("groups", groups)}
      />
      <Radio.Group label={usersText.passwordHow} {...form.getInputProps("how")}>
        <Stack gap="xs" mt="xs">
          <Radio value="none" label={usersText.noPassword} description={usersText.noPasswordHint} />
          <Radio value="password" label={usersText.initialPassword} description={usersText.initialPasswordHint} />
        </Stack>
      </Radio.Group>
      {how === "password" && (
        <>
          <PasswordField
            {...form.getInputProps("password")}
            onGenerate={(password) => form.setFieldValue("password", password)}
          />
          <Checkbox label={usersText.mustChange} {...form.getInputProps("must_change", { type: "checkbox" })} />
        </>
      )}
    </Form>
  );
}

/** Puts the new user into these groups; answers where that did not work. */
async function join(user: string, groups: readonly string[], header: Because): Promise<Created["missed"]> {
  const missed: string[] = [];
  let why = "";
  for (const id of groups) {
    try {
      const params = { path: { id, user_id: user }, header };
      await client.PUT("/admin/groups/{id}/members/{user_id}", { params });
    } catch (error) {
      missed.push(id);
      why = messageOf(error);
    }
  }
  return missed.length === 0 ? undefined : { groups: missed, why };
}

function HandOver({ user, close, another }: { user: Created; close: () => void; another: () => void }) {
  const navigate = useNavigate();
  const names = useNames("group", user.missed?.groups ?? []);
  return (
    <Stack>
      {user.missed !== undefined && (
        <Alert color="orange" role="alert">
          {usersText.notAdded([...names.values()].join(", "))} {user.missed.why}
        </Alert>
      )}
      {user.password !== undefined && (
        <OneTime label={usersText.oneTimePassword} hint={usersText.oneTimeHint} text={user.password} />
      )}
      <Group justify="flex-end">
        <Button variant="default" onClick={another}>
          {usersText.createAnother}
        </Button>
        <Button variant="default" onClick={() => navigate(to.user(user.id))}>
          {usersText.openUser}
        </Button>
        <Button onClick={close}>{user.password === undefined ? t.close : t.oneTimeDone}</Button>
      </Group>
    </Stack>
  );
}
