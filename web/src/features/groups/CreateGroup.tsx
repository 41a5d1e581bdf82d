import { Alert, Button, Group, Modal, Stack, TextInput } from "@mantine/core";
import { useForm } from "@mantine/form";
import { useState } from "react";
import { useNavigate } from "react-router";

import { changed, client } from "../../api/index.ts";
import { EntityMultiSelect } from "../../components/EntityMultiSelect.tsx";
import { notifyDone, takeErrors } from "../../components/problem.ts";
import { to } from "../../paths.ts";
import { t } from "../../text/common.ts";
import { groupsText } from "../../text/groups.ts";

/** A new group changes nobody's access: no policy targets it yet. So nothing is asked besides. */
export function CreateGroup({ opened, onClose }: { opened: boolean; onClose: () => void }) {
  return (
    <Modal opened={opened} onClose={onClose} title={groupsText.createTitle} closeOnClickOutside={false}>
      <Form onClose={onClose} />
    </Modal>
  );
}

function Form({ onClose }: { onClose: () => void }) {
  const form = useForm({ initialValues: { name: "", description: "", members: [] as string[] } });
  const navigate = useNavigate();
  const [problem, setProblem] = useState<string>();
  const [busy, setBusy] = useState(false);
  const submit = form.onSubmit(async ({ name, description, members }) => {
    setBusy(true);
    setProblem(undefined);
    try {
      const body = { name: name.trim(), description: description.trim(), members };
      const { data } = await client.POST("/admin/groups", { body });
      notifyDone(groupsText.createdDone(body.name));
      onClose();
      if (data !== undefined) {
        navigate(to.group(data.id));
      }
      await changed();
    } catch (error) {
      setProblem(takeErrors(form, error));
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
        <TextInput
          label={groupsText.name}
          description={groupsText.nameHint}
          required
          data-autofocus
          {...form.getInputProps("name")}
        />
        <TextInput label={groupsText.description} {...form.getInputProps("description")} />
        <EntityMultiSelect
          kind="user"
          label={groupsText.members}
          description={groupsText.createMembersHint}
          value={form.getValues().members}
          onChange={(members) => form.setFieldValue("members", members)}
          error={form.errors["members"]}
        />
        <Group justify="flex-end">
          <Button variant="default" onClick={onClose}>
            {t.cancel}
          </Button>
          <Button type="submit" loading={busy}>
            {groupsText.create}
          </Button>
        </Group>
      </Stack>
    </form>
  );
}
