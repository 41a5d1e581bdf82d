import { Modal, TextInput } from "@mantine/core";

import { client, type Schemas } from "../../api/index.ts";
import { Conflict } from "../../components/Conflict.tsx";
import { Form } from "../../components/Form.tsx";
import { notifyDone } from "../../components/problem.ts";
import { useEdit } from "../../components/useEdit.ts";
import { t } from "../../text/common.ts";
import { groupsText } from "../../text/groups.ts";
import { type GroupForm, groupForm, groupPatch } from "./groupForm.ts";
import { readGroup } from "./readGroup.ts";

type Details = Schemas["GroupDetails"];

const LABELS = { name: groupsText.name, description: groupsText.description };

export function EditGroup({ group, opened, onClose }: { group: Details; opened: boolean; onClose: () => void }) {
  return (
    <Modal opened={opened} onClose={onClose} title={groupsText.editTitle(group.name)} closeOnClickOutside={false}>
      <Fields group={group} onClose={onClose} />
    </Modal>
  );
}

function Fields({ group, onClose }: { group: Details; onClose: () => void }) {
  const path = { id: group.id };
  const { form, frame, reason, conflict } = useEdit<GroupForm>({
    start: { values: groupForm(group), version: group.version },
    labels: LABELS as Record<keyof GroupForm & string, string>,
    read: async () => {
      const now = await readGroup(group.id);
      return { values: groupForm(now), version: now.version };
    },
    save: (values, header) =>
      client.PATCH("/admin/groups/{id}", { params: { path, header }, body: groupPatch(values) }),
    onSaved: () => {
      notifyDone(t.saved);
      onClose();
    },
  });
  return (
    <>
      <Form {...frame} reason={reason} verb={t.save} onCancel={onClose}>
        <TextInput
          label={groupsText.name}
          description={groupsText.nameHint}
          required
          data-autofocus
          {...form.getInputProps("name")}
        />
        <TextInput label={groupsText.description} {...form.getInputProps("description")} />
      </Form>
      <Conflict {...conflict} />
    </>
  );
}
