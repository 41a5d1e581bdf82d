import { Anchor, Button, Group, Switch, Text, Tooltip, UnstyledButton } from "@mantine/core";
import { useMemo, useState } from "react";
import { Link, useSearchParams } from "react-router";

import { api, type Schemas } from "../../api/index.ts";
import type { paths } from "../../api/schema.d.ts";
import { actorName } from "../../components/actorName.ts";
import { type Column, DataTable } from "../../components/DataTable.tsx";
import { Empty } from "../../components/Empty.tsx";
import { dialogOnDemand } from "../../components/onDemand.tsx";
import { PageHeader } from "../../components/PageHeader.tsx";
import { Status } from "../../components/Status.tsx";
import { Time } from "../../components/Time.tsx";
import { useListState } from "../../components/useListState.ts";
import { ofEntity } from "../../paths.ts";
import { auditText } from "../../text/audit.ts";
import { t } from "../../text/common.ts";
import { AuditFilters } from "./AuditFilters.tsx";
import { ExportMenu } from "./ExportMenu.tsx";
import { TAIL_FILTERS, useTail } from "./useTail.ts";

const EntryDrawer = dialogOnDemand(
  () => import("./EntryDrawer.tsx").then((file) => file.EntryDrawer),
  ({ idx }) => idx !== undefined,
);

type Entry = Schemas["AuditEntry"];
type Row = Entry & { id: string };

/** So many entries that came by themselves are kept; the list has the others. */
const KEPT = 500;
type Query = NonNullable<paths["/admin/audit-logs"]["get"]["parameters"]["query"]>;

/** The audit log. */
export function Page() {
  const list = useListState();
  const [params, setParams] = useSearchParams();
  // The server says what it does not know of what a URL asks for.
  const asked = { params: { query: list.query as Query } };
  const query = api.useQuery("get", "/admin/audit-logs", asked, { placeholderData: (before) => before });
  const open = (idx: number | undefined) =>
    setParams((before) => {
      const next = new URLSearchParams(before);
      if (idx === undefined) {
        next.delete("id");
      } else {
        next.set("id", String(idx));
      }
      return next;
    }, { preventScrollReset: true });

  const live = useLive(list, query.data?.items);
  const rows = useMemo(() => {
    if (query.data === undefined) {
      return undefined;
    }
    const there = new Set(query.data.items.map(({ idx }) => idx));
    const came = live.shown.filter(({ idx }) => !there.has(idx));
    // Where some of those that came were dropped, the list would not follow on from them.
    const items = came.length < KEPT ? [...came, ...query.data.items] : came;
    return {
      ...query.data,
      items: items.map((entry): Row => ({ ...entry, id: String(entry.idx) })),
      total: query.data.total + came.length,
      total_capped: query.data.total_capped || came.length >= KEPT,
    };
  }, [query.data, live.shown]);

  const id = Number(params.get("id") ?? "");
  const idx = Number.isSafeInteger(id) && id > 0 ? id : undefined;
  return (
    <>
      <PageHeader title={t.navigation.audit} text={auditText.about}>
        <LiveSwitch live={live} />
        <ExportMenu query={list.query} />
      </PageHeader>
      <AuditFilters list={list} />
      {live.on && (
        <Group gap="xs" mb="sm">
          <Text size="sm" c="dimmed" role="status" aria-live="polite">
            {live.connected ? auditText.live.on : auditText.live.connecting}
            {live.waiting > 0 && ` ${auditText.live.waiting(live.waiting)}.`}
          </Text>
          <Button size="compact-sm" variant="default" onClick={live.togglePause}>
            {live.paused ? auditText.live.resume : auditText.live.pause}
          </Button>
          {live.waiting > 0 && (
            <Button size="compact-sm" onClick={live.show}>
              {auditText.live.show(live.waiting)}
            </Button>
          )}
        </Group>
      )}
      <DataTable<Row>
        label={auditText.tableLabel}
        columns={columns(open)}
        query={{ ...query, data: rows }}
        list={list}
        nameOf={({ summary }) => summary}
        usualSort="-idx"
        empty={<Empty title={auditText.empty} text={auditText.emptyHint} />}
      />
      <EntryDrawer
        idx={idx}
        known={rows?.items.find((row) => row.idx === idx)}
        onClose={() => open(undefined)}
        onGo={open}
      />
    </>
  );
}

function columns(open: (idx: number) => void): Column<Row>[] {
  const words = auditText.columns;
  return [
    { key: "time", title: words.time, sort: "idx", from: "sm", width: 170, render: ({ time }) => <Time at={time} /> },
    {
      key: "summary",
      title: words.summary,
      render: ({ idx, summary, status, actor, time }) => (
        <>
          <UnstyledButton onClick={() => open(idx)} fz="sm" fw={600} c="var(--mantine-color-anchor)">
            {summary}
          </UnstyledButton>{" "}
          {status === "failure" && <Status of={status} />}
          <Text size="xs" c="dimmed" hiddenFrom="sm">
            <Time at={time} /> · {auditText.byWhom(actorName(actor))}
          </Text>
        </>
      ),
    },
    { key: "actor", title: words.actor, from: "sm", width: 150, render: ({ actor }) => actorName(actor) },
    {
      key: "entity",
      title: words.entity,
      from: "md",
      width: 220,
      render: ({ entity_type, entity_id, entity_name }) => {
        const path = ofEntity(entity_type, entity_id);
        const kind = auditText.kinds[entity_type] ?? entity_type;
        return path === undefined || !entity_name ? (
          <Text span inherit c="dimmed">
            {entity_name ?? kind}
          </Text>
        ) : (
          <>
            <Text span inherit c="dimmed">
              {kind}
            </Text>{" "}
            <Anchor component={Link} to={path} inherit>
              {entity_name}
            </Anchor>
          </>
        );
      },
    },
    {
      key: "idx",
      title: words.number,
      from: "lg",
      align: "right",
      width: 100,
      render: ({ idx }) => <span className="nums">{idx}</span>,
    },
  ];
}

/** New entries, as they come, above the list: shown at once, or gathered while it is paused. */
function useLive(list: ReturnType<typeof useListState>, items: readonly Entry[] | undefined) {
  const [wanted, setWanted] = useState(false);
  const [paused, setPaused] = useState(false);
  const [came, setCame] = useState<{ key: string; shown: Entry[]; waiting: Entry[] }>();
  const { after: _, ...filters } = list.filters;
  const other = Object.keys(filters).filter((name) => !(TAIL_FILTERS as readonly string[]).includes(name));
  if (list.q !== "") {
    other.push("q");
  }
  const first = list.atFirst && (list.sort ?? "-idx") === "-idx";
  const on = wanted && first && other.length === 0;
  // What came for other filters is not shown.
  const key = JSON.stringify(filters);
  const here = came?.key === key ? came : { key, shown: [], waiting: [] };
  const { connected } = useTail(on && items !== undefined, filters, items?.[0]?.idx, (entry) =>
    setCame((before) => {
      const { shown, waiting } = before?.key === key ? before : { shown: [], waiting: [] };
      return paused
        ? { key, shown, waiting: [entry, ...waiting].slice(0, KEPT) }
        : { key, shown: [entry, ...shown].slice(0, KEPT), waiting };
    }),
  );
  const show = () => setCame({ key, shown: [...here.waiting, ...here.shown].slice(0, KEPT), waiting: [] });
  return {
    on,
    set: (now: boolean) => {
      setWanted(now);
      setPaused(false);
      setCame(undefined);
    },
    paused,
    togglePause: () => {
      if (paused) {
        show();
      }
      setPaused(!paused);
    },
    connected,
    shown: on ? here.shown : NONE,
    waiting: on ? here.waiting.length : 0,
    show,
    /** Why it cannot be switched on. */
    hindered: !first ? auditText.live.notHere : other.length > 0 ? auditText.live.notWith(other.map((name) => NAMES[name] ?? name).join(", ")) : undefined,
  };
}

/** What the filters are called that the live tail cannot have. */
const NAMES: Readonly<Record<string, string>> = {
  q: auditText.live.search,
  user: auditText.filters.user,
  actor_type: auditText.filters.actorType,
  address: auditText.filters.address,
  request_id: auditText.filters.request,
  from: auditText.filters.from,
  to: auditText.filters.to,
};

const NONE: readonly Entry[] = [];

function LiveSwitch({ live }: { live: ReturnType<typeof useLive> }) {
  return (
    <Tooltip label={live.hindered} disabled={live.hindered === undefined}>
      <div>
        <Switch
          label={auditText.live.label}
          checked={live.on}
          disabled={live.hindered !== undefined}
          onChange={(event) => live.set(event.currentTarget.checked)}
        />
      </div>
    </Tooltip>
  );
}
