import { Anchor, Button, Text } from "@mantine/core";
import { useDisclosure } from "@mantine/hooks";
import { IconPlus } from "@tabler/icons-react";
import { Link } from "react-router";

import { api } from "../../api/index.ts";
import type { paths } from "../../api/schema.d.ts";
import { useMayChange } from "../../app/session.ts";
import { type Column, DataTable } from "../../components/DataTable.tsx";
import { Empty } from "../../components/Empty.tsx";
import { ExportButton } from "../../components/ExportButton.tsx";
import { ChoiceFilter, Filters, SearchFilter } from "../../components/filters.tsx";
import { dialogOnDemand, isOpened } from "../../components/onDemand.tsx";
import { PageHeader } from "../../components/PageHeader.tsx";
import { Time } from "../../components/Time.tsx";
import { useListState } from "../../components/useListState.ts";
import { to } from "../../paths.ts";
import { gatewaysText } from "../../text/gateways.ts";
import { LOCALE } from "../../text/locale.ts";
import { GatewayState } from "./GatewayState.tsx";
import type { Gateway } from "./gateway.ts";

const CreateGateway = dialogOnDemand(() => import("./CreateGateway.tsx").then((file) => file.CreateGateway), isOpened);

type GatewayQuery = NonNullable<paths["/admin/gateways"]["get"]["parameters"]["query"]>;

const words = gatewaysText;
/** States change by themselves: in milliseconds. */
const OFTEN = 10_000;

const columns: readonly Column<Gateway>[] = [
  {
    key: "name",
    title: words.name,
    sort: "name",
    render: (gateway) => (
      <Anchor component={Link} to={to.gateway(gateway.id)} fw={500} inherit>
        {gateway.name}
      </Anchor>
    ),
  },
  { key: "state", title: words.state, render: (gateway) => <GatewayState gateway={gateway} /> },
  {
    key: "devices",
    title: words.devices,
    align: "right",
    render: (gateway) => (
      <Anchor
        component={Link}
        to={to.devices({ gateway: gateway.id })}
        className="nums"
        aria-label={words.deviceCount(gateway.device_count)}
        inherit
      >
        {gateway.device_count.toLocaleString(LOCALE)}
      </Anchor>
    ),
  },
  { key: "endpoint", title: words.endpoint, from: "md", render: (gateway) => gateway.endpoint },
  {
    key: "pool",
    title: words.pool,
    from: "lg",
    render: (gateway) => (
      <Text span inherit className="nums">
        {gateway.address_pool_v4}
      </Text>
    ),
  },
  {
    key: "created",
    title: words.created,
    sort: "created_at",
    from: "xl",
    render: (gateway) => <Time at={gateway.created_at} ago />,
  },
];

export function Page() {
  const list = useListState();
  const mayChange = useMayChange();
  const [creating, create] = useDisclosure(false);
  const query = api.useQuery(
    "get",
    "/admin/gateways",
    { params: { query: list.query as GatewayQuery } },
    { placeholderData: (before) => before, refetchInterval: OFTEN },
  );
  const add = mayChange && (
    <Button leftSection={<IconPlus size={16} aria-hidden />} onClick={create.open} data-create>
      {words.add}
    </Button>
  );
  return (
    <>
      <PageHeader title={words.title} text={words.intro}>
        <ExportButton path="/admin/gateways" query={list.query} name="gateways" />
        {add}
      </PageHeader>
      <Filters>
        <SearchFilter list={list} label={words.searchLabel} placeholder={words.searchHint} />
        <ChoiceFilter
          list={list}
          name="joined"
          label={words.anyJoined}
          width={180}
          values={[
            ["true", words.joined],
            ["false", words.notJoined],
          ]}
        />
      </Filters>
      <DataTable
        label={words.label}
        columns={columns}
        query={query}
        list={list}
        nameOf={(gateway) => gateway.name}
        usualSort="name"
        empty={
          <Empty title={words.none} text={words.noneHint}>
            {add}
          </Empty>
        }
      />
      {mayChange && <CreateGateway opened={creating} onClose={create.close} />}
    </>
  );
}
