import { Anchor, Button } from "@mantine/core";
import { useDisclosure } from "@mantine/hooks";
import { IconPlus } from "@tabler/icons-react";
import { Link } from "react-router";

import { api, type Schemas } from "../../api/index.ts";
import type { paths } from "../../api/schema.d.ts";
import { useMayChange } from "../../app/session.ts";
import { type Column, DataTable } from "../../components/DataTable.tsx";
import { Empty } from "../../components/Empty.tsx";
import { ExportButton } from "../../components/ExportButton.tsx";
import { EntityFilter, Filters, SearchFilter } from "../../components/filters.tsx";
import { dialogOnDemand, isOpened } from "../../components/onDemand.tsx";
import { PageHeader } from "../../components/PageHeader.tsx";
import { Time } from "../../components/Time.tsx";
import { useListState } from "../../components/useListState.ts";
import { to } from "../../paths.ts";
import { groupsText } from "../../text/groups.ts";
import { LOCALE } from "../../text/locale.ts";

const CreateGroup = dialogOnDemand(() => import("./CreateGroup.tsx").then((file) => file.CreateGroup), isOpened);

type Query = NonNullable<paths["/admin/groups"]["get"]["parameters"]["query"]>;

const columns: readonly Column<Schemas["Group"]>[] = [
  {
    key: "name",
    title: groupsText.name,
    sort: "name",
    render: (group) => (
      <Anchor component={Link} to={to.group(group.id)} inherit fw={500}>
        {group.name}
      </Anchor>
    ),
  },
  { key: "description", title: groupsText.description, from: "sm", render: (group) => group.description },
  {
    key: "members",
    title: groupsText.members,
    align: "right",
    render: (group) => <span className="nums">{group.member_count.toLocaleString(LOCALE)}</span>,
  },
  {
    key: "created",
    title: groupsText.created,
    sort: "created_at",
    from: "md",
    render: (group) => <Time at={group.created_at} ago />,
  },
];

export function Page() {
  const list = useListState();
  const mayChange = useMayChange();
  const [creating, create] = useDisclosure(false);
  const query = api.useQuery(
    "get",
    "/admin/groups",
    { params: { query: list.query as Query } },
    { placeholderData: (before) => before },
  );
  const button = mayChange && (
    <Button leftSection={<IconPlus size={16} aria-hidden />} onClick={create.open} data-create>
      {groupsText.create}
    </Button>
  );
  return (
    <>
      <PageHeader title={groupsText.title} text={groupsText.intro}>
        <ExportButton path="/admin/groups" query={list.query} name="groups" />
        {button}
      </PageHeader>
      <Filters>
        <SearchFilter list={list} label={groupsText.searchLabel} />
        <EntityFilter
          list={list}
          name="member"
          kind="user"
          label={groupsText.memberFilter}
          any={groupsText.anyMember}
          width={200}
        />
      </Filters>
      <DataTable
        label={groupsText.label}
        columns={columns}
        query={query}
        list={list}
        nameOf={(group) => group.name}
        usualSort="name"
        empty={
          <Empty title={groupsText.none} text={groupsText.noneHint}>
            {button}
          </Empty>
        }
      />
      {mayChange && <CreateGroup opened={creating} onClose={create.close} />}
    </>
  );
}
