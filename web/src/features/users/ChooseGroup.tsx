import { Button, Group, Modal, Stack } from "@mantine/core";
import { useState } from "react";

import { useNames } from "../../components/entityNames.ts";
import { EntitySelect } from "../../components/EntitySelect.tsx";
import { t } from "../../text/common.ts";
import { usersText } from "../../text/users.ts";
import { askMembership } from "../groups/membership.ts";

interface Choice {
  action: "add_to_group" | "remove_from_group";
  ids: readonly string[];
  onDone: () => void;
  close: () => void;
}

/** Asks which group the selected users are to join or to leave; nothing is shown without an action. */
export function ChooseGroup({ action, ...choice }: Omit<Choice, "action"> & { action: Choice["action"] | undefined }) {
  return (
    <Modal
      opened={action !== undefined}
      onClose={choice.close}
      title={usersText.bulkGroupTitle(action === "add_to_group", usersText.count(choice.ids.length))}
    >
      {action !== undefined && <Form action={action} {...choice} />}
    </Modal>
  );
}

function Form({ action, ids, onDone, close }: Choice) {
  const [group, setGroup] = useState<string | null>(null);
  const chosen = useNames("group", group === null ? [] : [group]);
  const add = action === "add_to_group";
  const ask = () => {
    if (group === null) {
      return;
    }
    close();
    const who = { ids, name: usersText.count(ids.length) };
    askMembership({ id: group, name: chosen.get(group) ?? "" }, who, add, onDone);
  };
  return (
    <Stack>
      <EntitySelect kind="group" label={usersText.group} value={group} onChange={setGroup} required />
      <Group justify="flex-end">
        <Button variant="default" onClick={close}>
          {t.cancel}
        </Button>
        <Button disabled={group === null} onClick={ask}>
          {usersText.goOn}
        </Button>
      </Group>
    </Stack>
  );
}
