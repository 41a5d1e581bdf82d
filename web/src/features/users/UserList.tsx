import { Button } from "@mantine/core";
import { useDisclosure } from "@mantine/hooks";
import { IconPlus, IconUpload } from "@tabler/icons-react";
import { useState } from "react";

import { api, type Schemas } from "../../api/index.ts";
import type { paths } from "../../api/schema.d.ts";
import { useMayChange } from "../../app/session.ts";
import { type Column, DataTable } from "../../components/DataTable.tsx";
import { Empty } from "../../components/Empty.tsx";
import { ExportButton } from "../../components/ExportButton.tsx";
import { ChoiceFilter, EntityFilter, Filters, SearchFilter } from "../../components/filters.tsx";
import { dialogOnDemand, isOpened } from "../../components/onDemand.tsx";
import { PageHeader } from "../../components/PageHeader.tsx";
import { Time } from "../../components/Time.tsx";
import { useListState } from "../../components/useListState.ts";
import { t } from "../../text/common.ts";
import { sessionText } from "../../text/session.ts";
import { usersText } from "../../text/users.ts";
import { userColumns } from "./columns.tsx";
import { UserBulk } from "./UserBulk.tsx";

const CreateUser = dialogOnDemand(() => import("./CreateUser.tsx").then((file) => file.CreateUser), isOpened);
const ImportUsers = dialogOnDemand(() => import("./ImportUsers.tsx").then((file) => file.ImportUsers), isOpened);

type UserQuery = NonNullable<paths["/admin/users"]["get"]["parameters"]["query"]>;

const ROLES = ["user", "auditor", "admin"];
const STATUSES = ["active", "disabled"];

const columns: readonly Column<Schemas["User"]>[] = [
  ...userColumns,
  { key: "created", title: usersText.created, sort: "created_at", from: "xl", render: (user) => <Time at={user.created_at} ago /> },
];

export function Page() {
  const list = useListState();
  const mayChange = useMayChange();
  const [selected, setSelected] = useState<string[]>([]);
  const [creating, create] = useDisclosure(false);
  const [importing, imports] = useDisclosure(false);
  const query = api.useQuery(
    "get",
    "/admin/users",
    { params: { query: list.query as UserQuery } },
    { placeholderData: (before) => before },
  );
  const createButton = mayChange && (
    <Button leftSection={<IconPlus size={16} aria-hidden />} onClick={create.open} data-create>
      {usersText.create}
    </Button>
  );
  return (
    <>
      <PageHeader title={usersText.title} text={usersText.intro}>
        <ExportButton path="/admin/users" query={list.query} name="users" />
        {mayChange && (
          <Button variant="default" leftSection={<IconUpload size={16} aria-hidden />} onClick={imports.open}>
            {usersText.import}
          </Button>
        )}
        {createButton}
      </PageHeader>
      <Filters>
        <SearchFilter list={list} label={usersText.searchLabel} placeholder={usersText.searchHint} />
        <ChoiceFilter
          list={list}
          name="role"
          label={usersText.role}
          any={usersText.anyRole}
          values={ROLES.map((role) => [role, sessionText.roles[role] ?? role])}
        />
        <ChoiceFilter
          list={list}
          name="status"
          label={usersText.status}
          any={usersText.anyStatus}
          width={140}
          values={STATUSES.map((status) => [status, t.status[status] ?? status])}
        />
        <EntityFilter list={list} name="group" kind="group" label={usersText.group} any={usersText.anyGroup} width={200} />
      </Filters>
      <UserBulk ids={selected} onDone={() => setSelected([])} />
      <DataTable
        label={usersText.label}
        columns={columns}
        query={query}
        list={list}
        nameOf={(user) => user.username ?? t.erased}
        usualSort="username"
        {...(mayChange ? { selected, onSelect: setSelected } : {})}
        empty={
          <Empty title={usersText.none} text={usersText.noneHint}>
            {createButton}
          </Empty>
        }
      />
      {mayChange && <CreateUser opened={creating} onClose={create.close} />}
      {mayChange && <ImportUsers opened={importing} onClose={imports.close} />}
    </>
  );
}
