import { Anchor, Badge, Button, Group, Stack, Text } from "@mantine/core";
import { IconPlus } from "@tabler/icons-react";
import { useState } from "react";
import { Link } from "react-router";

import { api, client, type Schemas } from "../../api/index.ts";
import { useMayChange } from "../../app/session.ts";
import { BulkBar } from "../../components/BulkBar.tsx";
import { tellBulk } from "../../components/bulk.tsx";
import { confirm } from "../../components/confirm.tsx";
import { previewOfMany } from "../../components/previewOfMany.ts";
import { type Column, DataTable } from "../../components/DataTable.tsx";
import { Empty } from "../../components/Empty.tsx";
import { ExportButton } from "../../components/ExportButton.tsx";
import { PageHeader } from "../../components/PageHeader.tsx";
import { servicesText } from "../../components/serviceText.ts";
import { Status } from "../../components/Status.tsx";
import { useListState } from "../../components/useListState.ts";
import { to } from "../../paths.ts";
import { t } from "../../text/common.ts";
import { policiesText } from "../../text/policies.ts";
import { PolicyFilters } from "./PolicyFilters.tsx";
import { PolicyState } from "./PolicyState.tsx";
import { TargetNames } from "./TargetNames.tsx";

type Policy = Schemas["Policy"];

/** So many of a list fit into a row. */
const FEW = 2;
/** Any IPv4 network fits into a line. */
const SHORT = "255.255.255.255/32".length;

const columns: Column<Policy>[] = [
  {
    key: "rank",
    title: policiesText.position,
    sort: "priority",
    width: 110,
    render: ({ rank, priority }) => (
      <>
        <Text span fw={600} className="nums" {...(rank ? {} : { c: "dimmed", title: policiesText.noPosition })}>
          {rank ?? "–"}
        </Text>
        <Text size="xs" c="dimmed" className="nums" hiddenFrom="md">
          {priority}
        </Text>
      </>
    ),
  },
  {
    key: "name",
    title: policiesText.name,
    sort: "name",
    render: (policy) => (
      <Stack gap={2}>
        <Anchor component={Link} to={to.policy(policy.id)} size="sm" fw={600}>
          {policy.name}
        </Anchor>
        {policy.description !== "" && (
          <Text size="xs" c="dimmed" lineClamp={1}>
            {policy.description}
          </Text>
        )}
        <Group gap={6} hiddenFrom="sm">
          <Effect policy={policy} />
          <PolicyState policy={policy} />
        </Group>
      </Stack>
    ),
  },
  {
    key: "effect",
    title: policiesText.effect,
    from: "sm",
    render: (policy) => <Effect policy={policy} />,
  },
  {
    key: "priority",
    title: policiesText.priority,
    from: "md",
    align: "right",
    render: ({ priority }) => <span className="nums">{priority}</span>,
  },
  {
    key: "targets",
    title: policiesText.targets,
    from: "md",
    render: ({ targets }) => <TargetNames targets={targets} most={FEW} />,
  },
  { key: "destinations", title: policiesText.destinations, from: "sm", render: (policy) => <Destinations policy={policy} /> },
  {
    key: "services",
    title: policiesText.services,
    from: "xl",
    render: ({ services }) => <Services services={services ?? []} />,
  },
  { key: "state", title: policiesText.state, from: "sm", render: (policy) => <PolicyState policy={policy} /> },
];

function Effect({ policy: { effect, full_tunnel } }: { policy: Policy }) {
  return (
    <Group gap={4}>
      <Status of={effect} />
      {full_tunnel && (
        <Badge variant="light" color="blue" tt="none">
          {policiesText.fullTunnel}
        </Badge>
      )}
    </Group>
  );
}

function Destinations({ policy: { destinations } }: { policy: Policy }) {
  if (destinations.length === 0) {
    return (
      <Text size="sm" c="dimmed">
        –
      </Text>
    );
  }
  return (
    <Stack gap={0}>
      {destinations.slice(0, FEW).map((network) => (
        <Text key={network} size="sm" ff="monospace" style={network.length <= SHORT ? { whiteSpace: "nowrap" } : {}}>
          {network}
        </Text>
      ))}
      {destinations.length > FEW && (
        <Text size="xs" c="dimmed">
          {t.andMore(destinations.length - FEW)}
        </Text>
      )}
    </Stack>
  );
}

function Services({ services }: { services: readonly Schemas["Service"][] }) {
  const rest = services.length - FEW;
  return (
    <Text size="sm" c={services.length === 0 ? "dimmed" : ""}>
      {servicesText(services.slice(0, FEW))}
      {rest > 0 && ` ${t.andMore(rest)}`}
    </Text>
  );
}

/** All policies in the order in which they are asked. */
export function Page() {
  const list = useListState();
  const mayChange = useMayChange();
  const [selected, setSelected] = useState<string[]>([]);
  // The kind only tells how the target's name is looked up.
  const { target_kind: _, ...asked } = list.query as typeof list.query & { target_kind?: string };
  const query = api.useQuery(
    "get",
    "/admin/policies",
    { params: { query: asked as object } },
    { placeholderData: (before) => before },
  );
  const [names, setNames] = useState<ReadonlyMap<string, string>>(new Map());
  const select = (ids: string[]) => {
    // Selected rows may be on other pages by the time that something is done with them.
    setNames((known) => new Map([...known, ...(query.data?.items ?? []).map(({ id, name }) => [id, name] as const)]));
    setSelected(ids);
  };
  const bulk = (action: "enable" | "disable") => changeMany(action, selected, names, () => setSelected([]));
  return (
    <>
      <PageHeader title={policiesText.title} text={policiesText.order}>
        <ExportButton path="/admin/policies" query={asked} name="policies" />
        {mayChange && (
          <Button component={Link} to={to.newPolicy()} leftSection={<IconPlus size={16} aria-hidden />} data-create>
            {policiesText.create}
          </Button>
        )}
      </PageHeader>
      <PolicyFilters list={list} />
      <BulkBar n={selected.length} onClear={() => setSelected([])}>
        <Button size="xs" variant="default" onClick={() => bulk("enable")}>
          {policiesText.bulk.enable}
        </Button>
        <Button size="xs" variant="default" onClick={() => bulk("disable")}>
          {policiesText.bulk.disable}
        </Button>
      </BulkBar>
      <DataTable
        label={policiesText.title}
        columns={columns}
        query={query}
        list={list}
        nameOf={({ name }) => name}
        usualSort="priority"
        {...(mayChange ? { selected, onSelect: select } : {})}
        empty={
          <Empty title={policiesText.empty} text={policiesText.emptyText}>
            {mayChange && (
              <Button component={Link} to={to.newPolicy()} leftSection={<IconPlus size={16} aria-hidden />}>
                {policiesText.create}
              </Button>
            )}
          </Empty>
        }
      />
    </>
  );
}

function changeMany(
  action: "enable" | "disable",
  ids: readonly string[],
  names: ReadonlyMap<string, string>,
  onDone: () => void,
): void {
  const { bulk } = policiesText;
  const enable = action === "enable";
  const nameOf = (id: string) => names.get(id) ?? id;
  const body = { action, ids: [...ids] };
  let answer: Schemas["PolicyBulkAnswer"] | undefined;
  confirm({
    title: enable ? bulk.enableTitle(ids.length) : bulk.disableTitle(ids.length),
    text: (
      <>
        {enable ? bulk.enableText : bulk.disableText}
        <ul>
          {ids.slice(0, 10).map((id) => (
            <li key={id}>{nameOf(id)}</li>
          ))}
          {ids.length > 10 && <li>{t.andMore(ids.length - 10)}</li>}
        </ul>
      </>
    ),
    verb: enable ? bulk.enable : bulk.disable,
    danger: !enable,
    preview: () => previewOfMany(client.POST("/admin/preview/policies/bulk", { body })),
    nameOf,
    action: async (header) => {
      ({ data: answer } = await client.POST("/admin/policies/bulk", { params: { header }, body }));
    },
    onDone: () => {
      onDone();
      if (answer !== undefined) {
        tellBulk(answer, nameOf);
      }
    },
  });
}
