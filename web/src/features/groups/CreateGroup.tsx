import { Modal, TextInput } from "@mantine/core";
import { useForm } from "@mantine/form";
import { useNavigate } from "react-router";

import { changed, client } from "../../api/index.ts";
import { EntityMultiSelect } from "../../components/EntityMultiSelect.tsx";
import { Form } from "../../components/Form.tsx";
import { notifyDone, takeErrors } from "../../components/problem.ts";
import { useReason } from "../../components/reason.ts";
import { useSubmit } from "../../components/useSubmit.ts";
import { to } from "../../paths.ts";
import { groupsText } from "../../text/groups.ts";

/** A new group changes nobody's access: no policy targets it yet. So nothing is asked besides. */
export function CreateGroup({ opened, onClose }: { opened: boolean; onClose: () => void }) {
  return (
    <Modal opened={opened} onClose={onClose} title={groupsText.createTitle} closeOnClickOutside={false}>
      <Fields onClose={onClose} />
    </Modal>
  );
}

function Fields({ onClose }: { onClose: () => void }) {
  const form = useForm({ initialValues: { name: "", description: "", members: [] as string[] } });
  const reason = useReason();
  const navigate = useNavigate();
  const { problem, busy, run } = useSubmit((error) => takeErrors(form, error));
  const submit = form.onSubmit(({ name, description, members }) =>
    run(async () => {
      const body = { name: name.trim(), description: description.trim(), members };
      const { data } = await client.POST("/admin/groups", { params: { header: reason.header }, body });
      notifyDone(groupsText.createdDone(body.name));
      onClose();
      if (data !== undefined) {
        navigate(to.group(data.id));
      }
      await changed();
    }),
  );
  return (
    <Form
      onSubmit={submit}
      problem={problem}
      busy={busy}
      verb={groupsText.create}
      onCancel={onClose}
      reason={reason.field}
    >
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
    </Form>
  );
}
