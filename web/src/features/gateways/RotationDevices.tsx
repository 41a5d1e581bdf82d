import { Title } from "@mantine/core";

import { api } from "../../api/index.ts";
import type { paths } from "../../api/schema.d.ts";
import { DataTable } from "../../components/DataTable.tsx";
import { Empty } from "../../components/Empty.tsx";
import { useListState } from "../../components/useListState.ts";
import { t } from "../../text/common.ts";
import { gatewaysText } from "../../text/gateways.ts";
import { deviceName, deviceOwner, devicePlatform, deviceSeen, deviceStatus } from "../devices/columns.tsx";

type Query = NonNullable<
  paths["/admin/gateways/{id}/key-rotation/devices"]["get"]["parameters"]["query"]
>;

const words = gatewaysText.rotation;
const columns = [deviceName, deviceOwner, deviceStatus, devicePlatform, deviceSeen];

/** The devices that will reach nothing, or do already, until they fetch their profiles. */
export function RotationDevices({ id }: { id: string }) {
  const list = useListState();
  const query = api.useQuery(
    "get",
    "/admin/gateways/{id}/key-rotation/devices",
    { params: { path: { id }, query: list.query as Query } },
    { placeholderData: (before) => before, refetchInterval: 10_000 },
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
        empty={<Empty title={words.allFetched} />}
      />
    </section>
  );
}
