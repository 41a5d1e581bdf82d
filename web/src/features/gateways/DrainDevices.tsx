import { Title } from "@mantine/core";

import { api } from "../../api/index.ts";
import type { paths } from "../../api/schema.d.ts";
import { DataTable } from "../../components/DataTable.tsx";
import { useListState } from "../../components/useListState.ts";
import { t } from "../../text/common.ts";
import { gatewaysText } from "../../text/gateways.ts";
import { deviceAddress, deviceName, deviceOwner, deviceStatus } from "../devices/columns.tsx";

type Query = NonNullable<paths["/admin/devices"]["get"]["parameters"]["query"]>;

const words = gatewaysText.drain;
const columns = [deviceName, deviceOwner, deviceStatus, deviceAddress];
/** Several batches are moved in a second. */
const OFTEN = 2_000;

/** The devices that a drain has yet to move. */
export function DrainDevices({ id }: { id: string }) {
  const list = useListState();
  const query = api.useQuery(
    "get",
    "/admin/devices",
    { params: { query: { ...(list.query as Query), gateway: id, revoked: false } } },
    { placeholderData: (before) => before, refetchInterval: OFTEN },
  );
  return (
    <section>
      <Title order={2} size="h4" mb="sm">
        {words.devicesTitle}
      </Title>
      <DataTable
        label={words.devicesTitle}
        columns={columns}
        query={query}
        list={list}
        nameOf={(device) => device.name ?? t.erased}
        usualSort="name"
        empty={null}
      />
    </section>
  );
}
