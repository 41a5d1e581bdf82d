import { Button, Group, Modal, Stack } from "@mantine/core";
import { useState } from "react";

import type { Schemas } from "../../api/client.ts";
import { EntityMultiSelect } from "../../components/EntityMultiSelect.tsx";
import { useNames } from "../../components/entityNames.ts";
import { t } from "../../text/common.ts";
import { groupsText } from "../../text/groups.ts";
import { usersText } from "../../text/users.ts";
import { askMembership } from "./membership.ts";

/** Asks who is to belong to a group. */
export function AddMembers({
  group,
  opened,
  onClose,
}: {
  group: Schemas["GroupDetails"];
  opened: boolean;
  onClose: () => void;
}) {
  return (
    <Modal opened={opened} onClose={onClose} title={groupsText.addTitle(group.name)}>
      <Choose group={group} close={onClose} />
    </Modal>
  );
}

function Choose({ group, close }: { group: Schemas["GroupDetails"]; close: () => void }) {
  const [ids, setIds] = useState<string[]>([]);
  const names = useNames("user", ids);
  const ask = () => {
    close();
    const [only] = ids;
    const name = only !== undefined && ids.length === 1 ? (names.get(only) ?? "") : usersText.count(ids.length);
    askMembership(group, { ids, name }, true);
  };
  return (
    <Stack>
      <EntityMultiSelect kind="user" label={groupsText.who} value={ids} onChange={setIds} required />
      <Group justify="flex-end">
        <Button variant="default" onClick={close}>
          {t.cancel}
        </Button>
        <Button disabled={ids.length === 0} onClick={ask}>
          {groupsText.goOn}
        </Button>
      </Group>
    </Stack>
  );
}
