import { Anchor, Box, Button, Group, List, Popover, Select, Stack, Table, Text, UnstyledButton } from "@mantine/core";
import { IconChevronDown, IconChevronLeft, IconChevronRight, IconChevronUp } from "@tabler/icons-react";
import { useMemo } from "react";
import { Link } from "react-router";

import { MOST } from "../../api/allOf.ts";
import { Empty } from "../../components/Empty.tsx";
import { useNames } from "../../components/entityNames.ts";
import { Loaded } from "../../components/Loaded.tsx";
import { servicesText } from "../../components/serviceText.ts";
import { SearchBox } from "../../components/SearchBox.tsx";
import { whole } from "../../components/whole.ts";
import { ofEntity, to } from "../../paths.ts";
import { accessText } from "../../text/access.ts";
import { t } from "../../text/common.ts";
import { type Cell, cellOf, INTERNET, keyOf, type Policy, type Subject } from "./matrix.ts";
import { useQuestion } from "./question.ts";
import { filtered, pageOf, useNamed, usePoliciesInForce } from "./useMatrix.ts";
import { When } from "./When.tsx";

const words = accessText.matrix;
const ROWS = 25;
const COLUMNS = 10;
const KINDS = ["everyone", "group", "user", "device"];

/** Users and groups against destinations, a page of it at a time; all of it in the URL. */
export function Matrix() {
  const { question, params, ask } = useQuestion();
  const query = usePoliciesInForce(question.at);
  const who = params.get("who") ?? "";
  const named = useNamed(who);
  const filters = {
    kind: params.get("kind"),
    named: who === "" ? undefined : named.data?.ids,
    text: params.get("where") ?? "",
    internet: words.internet,
  };
  return (
    <Stack gap="md">
      <Text size="sm" c="dimmed" maw={820}>
        {words.text} {words.legend}
      </Text>
      <Group gap="sm">
        <SearchBox label={words.filterSubjects} value={who} onChange={(who) => ask({ who, row: null })} />
        <SearchBox label={words.filterDestinations} value={filters.text} onChange={(where) => ask({ where, column: null })} />
        <Select
          aria-label={words.kind}
          placeholder={words.kind}
          clearable
          w={150}
          data={KINDS.map((value) => ({ value, label: words.kinds[value] ?? value }))}
          value={filters.kind}
          onChange={(kind) => ask({ kind, row: null })}
        />
      </Group>
      <When at={question.at} onChange={(at) => ask({ at })} />
      <Loaded query={who === "" || query.data === undefined ? query : { ...named, data: named.data && query.data }}>
        {({ policies, capped }) =>
          policies.length === 0 ? (
            <Empty title={words.none} text={words.noneText} />
          ) : (
            <>
              <Grid policies={policies} filters={filters} />
              {capped && (
                <Text size="sm" c="dimmed">
                  {words.capped(MOST)}
                </Text>
              )}
              {who !== "" && named.data?.capped === true && (
                <Text size="sm" c="dimmed">
                  {words.namesCapped(MOST)}
                </Text>
              )}
            </>
          )
        }
      </Loaded>
    </Stack>
  );
}

function Grid({ policies, filters }: { policies: readonly Policy[]; filters: Parameters<typeof filtered>[1] }) {
  const { params, ask } = useQuestion();
  const { subjects, destinations } = useMemo(
    () => filtered(policies, filters),
    [policies, filters.kind, filters.named, filters.text],
  );
  const rows = pageOf(subjects, Number(params.get("row") ?? 0) || 0, ROWS);
  const columns = pageOf(destinations, Number(params.get("column") ?? 0) || 0, COLUMNS);
  const ids = (type: Subject["type"]) => rows.items.filter((one) => one.type === type).map(({ id }) => id);
  const names = new Map([
    ...useNames("group", ids("group")),
    ...useNames("user", ids("user")),
    ...useNames("device", ids("device")),
  ]);
  if (rows.total === 0 || columns.total === 0) {
    return <Empty title={t.noMatches} />;
  }
  const nameOf = ({ type, id }: Subject) => (type === "everyone" ? words.everyone : (names.get(id) ?? "…"));
  return (
    <Stack gap="sm">
      <Box
        tabIndex={0}
        role="region"
        aria-label={words.label}
        style={{ overflow: "auto", maxHeight: "70vh", border: "1px solid var(--mantine-color-default-border)" }}
      >
        <Table fz="sm" withColumnBorders aria-label={words.label} w="auto" miw="100%">
          <Table.Thead>
            <Table.Tr>
              <Table.Th style={{ ...HEAD, ...SIDE, zIndex: 3 }}>{words.subject}</Table.Th>
              {columns.items.map((destination) => (
                <Table.Th key={destination} style={{ ...HEAD, zIndex: 2 }} ff="monospace" fz="xs" miw={88} className={whole(destination)}>
                  {destination === INTERNET ? words.internet : destination}
                </Table.Th>
              ))}
            </Table.Tr>
          </Table.Thead>
          <Table.Tbody>
            {rows.items.map((subject) => (
              <Table.Tr key={keyOf(subject)}>
                <Table.Th scope="row" style={{ ...SIDE, zIndex: 1 }} fw={500}>
                  <Named subject={subject} name={nameOf(subject)} />
                </Table.Th>
                {columns.items.map((destination) => (
                  <Table.Td key={destination} p={2} ta="center">
                    <CellView
                      cell={cellOf(policies, subject, destination)}
                      who={nameOf(subject)}
                      where={destination === INTERNET ? words.internet : destination}
                    />
                  </Table.Td>
                ))}
              </Table.Tr>
            ))}
          </Table.Tbody>
        </Table>
      </Box>
      <Group justify="space-between" gap="sm">
        <Pages
          said={words.rows(rows.from, rows.to, rows.total)}
          page={rows}
          go={(row) => ask({ row: String(row) })}
          labels={[words.previousRows, words.nextRows]}
          icons={[IconChevronUp, IconChevronDown]}
        />
        <Pages
          said={words.columns(columns.from, columns.to, columns.total)}
          page={columns}
          go={(column) => ask({ column: String(column) })}
          labels={[words.previousColumns, words.nextColumns]}
          icons={[IconChevronLeft, IconChevronRight]}
        />
      </Group>
    </Stack>
  );
}

/** What stays where it is while the rest is scrolled. */
const HEAD = { position: "sticky", top: 0, background: "var(--mantine-color-body)" } as const;
const SIDE = { position: "sticky", left: 0, background: "var(--mantine-color-body)", maxWidth: 180, minWidth: 110 } as const;

function Named({ subject: { type, id }, name }: { subject: Subject; name: string }) {
  const path = ofEntity(type, id);
  return path === undefined ? (
    name
  ) : (
    <>
      <Text span inherit c="dimmed" size="xs" display="block">
        {words.kindOf[type]}
      </Text>
      <Anchor component={Link} to={path} inherit>
        {name}
      </Anchor>
    </>
  );
}

const COLORS = { allow: "green", deny: "red", mixed: "yellow" };

/** One verdict, and behind it the policies that make it. */
function CellView({ cell, who, where }: { cell: Cell | undefined; who: string; where: string }) {
  if (cell === undefined) {
    return (
      <Text span c="dimmed" aria-label={t.none}>
        ·
      </Text>
    );
  }
  const { verdict, partly, policies } = cell;
  const said = partly ? words.some(words.verdicts[verdict]) : words.verdicts[verdict];
  const color = COLORS[verdict];
  return (
    <Popover position="bottom" withArrow shadow="md" width={300} trapFocus returnFocus>
      <Popover.Target>
        <UnstyledButton
          aria-label={words.cell(who, where, said)}
          px={6}
          py={4}
          w="100%"
          fz="xs"
          fw={600}
          ta="center"
          style={{
            borderRadius: "var(--mantine-radius-sm)",
            background: `var(--mantine-color-${color}-light)`,
            color: `var(--mantine-color-${color}-light-color)`,
          }}
        >
          {said}
        </UnstyledButton>
      </Popover.Target>
      <Popover.Dropdown aria-label={words.cell(who, where, said)}>
        <List size="sm" type="ordered" spacing={6} pl="md">
          {policies.map(({ id, name, effect, priority, services }) => (
            <List.Item key={id}>
              <Anchor component={Link} to={to.policy(id)} inherit>
                {name}
              </Anchor>
              <Text size="xs" c="dimmed">
                {t.effects[effect]}, {accessText.priority(priority ?? 0)},{" "}
                {servicesText(services)}
              </Text>
            </List.Item>
          ))}
        </List>
      </Popover.Dropdown>
    </Popover>
  );
}

function Pages({
  said,
  page,
  go,
  labels,
  icons: [Back, Forward],
}: {
  said: string;
  page: { at: number; pages: number };
  go: (page: number) => void;
  labels: readonly [string, string];
  icons: readonly [typeof IconChevronUp, typeof IconChevronUp];
}) {
  return (
    <Group gap="xs">
      <Text size="sm" c="dimmed" className="nums" role="status">
        {said}
      </Text>
      {page.pages > 1 && (
        <>
          <Button size="compact-sm" variant="default" aria-label={labels[0]} disabled={page.at === 0} onClick={() => go(page.at - 1)}>
            <Back size={14} aria-hidden />
          </Button>
          <Button
            size="compact-sm"
            variant="default"
            aria-label={labels[1]}
            disabled={page.at >= page.pages - 1}
            onClick={() => go(page.at + 1)}
          >
            <Forward size={14} aria-hidden />
          </Button>
        </>
      )}
    </Group>
  );
}
