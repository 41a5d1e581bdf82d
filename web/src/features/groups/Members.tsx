import { ActionIcon, Button, Group } from "@mantine/core";
import { useDisclosure } from "@mantine/hooks";
import { IconPlus, IconX } from "@tabler/icons-react";
import { useState } from "react";

import { api, type Schemas } from "../../api/index.ts";
import type { paths } from "../../api/schema.d.ts";
import { useMayChange } from "../../app/session.ts";
import { BulkBar } from "../../components/BulkBar.tsx";
import { type Column, DataTable } from "../../components/DataTable.tsx";
import { Empty } from "../../components/Empty.tsx";
import { dialogOnDemand, isOpened } from "../../components/onDemand.tsx";
import { SearchBox } from "../../components/SearchBox.tsx";
import { useListState } from "../../components/useListState.ts";
import { t } from "../../text/common.ts";
import { groupsText } from "../../text/groups.ts";
import { usersText } from "../../text/users.ts";
import { userColumns } from "../users/columns.tsx";
import { askMembership } from "./membership.ts";

const AddMembers = dialogOnDemand(() => import("./AddMembers.tsx").then((file) => file.AddMembers), isOpened);

type Query = NonNullable<paths["/admin/groups/{id}/members"]["get"]["parameters"]["query"]>;

/** Who belongs to a group. */
export function Members({ group }: { group: Schemas["GroupDetails"] }) {
  const list = useListState();
  const mayChange = useMayChange();
  const [selected, setSelected] = useState<string[]>([]);
  const [adding, add] = useDisclosure(false);
  const query = api.useQuery(
    "get",
    "/admin/groups/{id}/members",
    { params: { path: { id: group.id }, query: list.query as Query } },
    { placeholderData: (before) => before },
  );
  const remove = (ids: readonly string[], name: string) =>
    askMembership(group, { ids, name }, false, () => setSelected([]));
  const columns: Column<Schemas["User"]>[] = [
    ...userColumns,
    ...(mayChange
      ? [
          {
            key: "remove",
            title: t.actions,
            unseen: true,
            align: "right" as const,
            width: 44,
            render: (user: Schemas["User"]) => (
              <ActionIcon
                variant="subtle"
                color="gray"
                aria-label={groupsText.removeMember(user.username ?? t.erased)}
                onClick={() => remove([user.id], user.username ?? t.erased)}
              >
                <IconX size={16} />
              </ActionIcon>
            ),
          },
        ]
      : []),
  ];
  const button = mayChange && (
    <Button leftSection={<IconPlus size={16} aria-hidden />} onClick={add.open} data-create>
      {groupsText.addMembers}
    </Button>
  );
  return (
    <>
      <Group gap="sm" mb="sm" justify="space-between">
        <SearchBox label={groupsText.searchMembers} value={list.q} onChange={(q) => list.set({ q })} />
        {button}
      </Group>
      <BulkBar n={selected.length} onClear={() => setSelected([])}>
        <Button
          size="xs"
          variant="light"
          color="red"
          onClick={() => remove(selected, usersText.count(selected.length))}
        >
          {t.remove}
        </Button>
      </BulkBar>
      <DataTable
        label={groupsText.members}
        columns={columns}
        query={query}
        list={list}
        nameOf={(user) => user.username ?? t.erased}
        usualSort="username"
        {...(mayChange ? { selected, onSelect: setSelected } : {})}
        empty={<Empty title={groupsText.noMembers} text={groupsText.noMembersHint} />}
      />
      <AddMembers group={group} opened={adding} onClose={add.close} />
    </>
  );
}
