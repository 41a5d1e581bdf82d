import { Alert, Button, Text } from "@mantine/core";
import { useDisclosure } from "@mantine/hooks";
import { IconPlus } from "@tabler/icons-react";
import { useState } from "react";

import { api } from "../../api/index.ts";
import type { paths } from "../../api/schema.d.ts";
import { useMayChange } from "../../app/session.ts";
import { DataTable } from "../../components/DataTable.tsx";
import { Empty } from "../../components/Empty.tsx";
import { ExportButton } from "../../components/ExportButton.tsx";
import { ChoiceFilter, EntityFilter, Filters, SearchFilter } from "../../components/filters.tsx";
import { dialogOnDemand, isOpened } from "../../components/onDemand.tsx";
import { PageHeader } from "../../components/PageHeader.tsx";
import { useListState } from "../../components/useListState.ts";
import { t } from "../../text/common.ts";
import { devicesText } from "../../text/devices.ts";
import { deviceColumns } from "./columns.tsx";
import { DeviceBulk } from "./DeviceBulk.tsx";
import { PLATFORMS } from "./enrolment.ts";

const EnrolDevice = dialogOnDemand(() => import("./EnrolDevice.tsx").then((file) => file.EnrolDevice), isOpened);

type DeviceQuery = NonNullable<paths["/admin/devices"]["get"]["parameters"]["query"]>;

const words = devicesText;
const STATUSES = ["active", "disabled", "owner_disabled", "expired", "rotation_lapsed", "revoked"];

export function Page() {
  const list = useListState();
  const mayChange = useMayChange();
  // With what they are called, for pages that are not shown any more.
  const [selected, setSelected] = useState<ReadonlyMap<string, string>>(new Map());
  const [enrolling, enrol] = useDisclosure(false);
  const query = api.useQuery(
    "get",
    "/admin/devices",
    { params: { query: list.query as DeviceQuery } },
    { placeholderData: (before) => before },
  );
  const select = (ids: string[]) => {
    const here = new Map(query.data?.items.map(({ id, name }) => [id, name ?? t.erased]));
    setSelected(new Map(ids.map((id) => [id, here.get(id) ?? selected.get(id) ?? id])));
  };
  const add = mayChange && (
    <Button leftSection={<IconPlus size={16} aria-hidden />} onClick={enrol.open} data-create>
      {words.add}
    </Button>
  );
  const platform = list.filters["platform"] ?? null;
  const platforms = new Set<string>([...PLATFORMS, "unknown", ...(platform === null ? [] : [platform])]);
  const lacking = list.filters["lacks_gateway_key"];
  return (
    <>
      <PageHeader title={words.title} text={words.intro}>
        <ExportButton path="/admin/devices" query={list.query} name="devices" />
        {add}
      </PageHeader>
      <Filters>
        <SearchFilter list={list} label={words.searchLabel} placeholder={words.searchHint} />
        <ChoiceFilter
          list={list}
          name="status"
          label={words.status}
          any={words.anyStatus}
          values={STATUSES.map((status) => [status, t.status[status] ?? status])}
        />
        <ChoiceFilter
          list={list}
          name="platform"
          label={words.platformLabel}
          any={words.anyPlatform}
          values={[...platforms].map((value) => [value, words.platform(value)])}
        />
        <EntityFilter list={list} name="user" kind="user" label={words.owner} any={words.anyOwner} />
        <EntityFilter list={list} name="gateway" kind="gateway" label={words.gateway} any={words.anyGateway} />
      </Filters>
      {lacking !== undefined && (
        <Alert
          color="blue"
          mb="sm"
          withCloseButton
          closeButtonLabel={t.clearFilters}
          onClose={() => list.set({ lacks_gateway_key: null })}
        >
          {words.lacksKey}{" "}
          <Text span inherit ff="monospace">
            {lacking}
          </Text>
        </Alert>
      )}
      <DeviceBulk selected={selected} onDone={() => setSelected(new Map())} />
      <DataTable
        label={words.label}
        columns={deviceColumns}
        query={query}
        list={list}
        nameOf={(device) => device.name ?? t.erased}
        usualSort="name"
        {...(mayChange ? { selected: [...selected.keys()], onSelect: select } : {})}
        empty={
          <Empty title={words.none} text={words.noneHint}>
            {add}
          </Empty>
        }
      />
      {mayChange && <EnrolDevice owner="choose" opened={enrolling} onClose={enrol.close} />}
    </>
  );
}
