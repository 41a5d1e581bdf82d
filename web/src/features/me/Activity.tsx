import { Button, Group, Text, Timeline } from "@mantine/core";
import { useDisclosure } from "@mantine/hooks";
import { IconChevronDown, IconChevronRight } from "@tabler/icons-react";

import { api, type Schemas } from "../../api/index.ts";
import type { paths } from "../../api/schema.d.ts";
import { agentName } from "../../components/agent.ts";
import { Changes } from "../../components/AuditEntryView.tsx";
import { Empty } from "../../components/Empty.tsx";
import { ExportButton } from "../../components/ExportButton.tsx";
import { ChoiceFilter, Filters } from "../../components/filters.tsx";
import { Loaded } from "../../components/Loaded.tsx";
import { PageHeader } from "../../components/PageHeader.tsx";
import { Pager } from "../../components/Pager.tsx";
import { PastEnd } from "../../components/PastEnd.tsx";
import { Status } from "../../components/Status.tsx";
import { Time } from "../../components/Time.tsx";
import { useListState } from "../../components/useListState.ts";
import { isId } from "../../components/ValueView.tsx";
import { t } from "../../text/common.ts";
import { meText } from "../../text/me.ts";

type Query = NonNullable<paths["/me/activity"]["get"]["parameters"]["query"]>;
type Entry = Schemas["Activity"];

/** What one did, and what was done to what is one's own. */
export function Page() {
  const list = useListState();
  const query = api.useQuery(
    "get",
    "/me/activity",
    { params: { query: list.query as Query } },
    { placeholderData: (before) => before },
  );
  return (
    <>
      <PageHeader title={meText.activityTitle} text={meText.activityText}>
        <ExportButton path="/me/activity" query={list.filters} name="activity" />
      </PageHeader>
      <Filters>
        <ChoiceFilter
          list={list}
          name="entity_type"
          label={meText.about}
          any={meText.anything}
          width={180}
          values={Object.entries(meText.kinds)}
        />
        <ChoiceFilter
          list={list}
          name="status"
          label={meText.outcome}
          any={meText.anyOutcome}
          width={200}
          values={Object.entries(meText.outcomes)}
        />
      </Filters>
      <Loaded query={query}>
        {(page) =>
          page.items.length === 0 && !list.atFirst ? (
            <PastEnd list={list} />
          ) : (
            <>
              <Entries items={page.items} filtered={list.filtered} clear={() => list.set({ entity_type: null, status: null })} />
              {(page.items.length < page.total || !list.atFirst) && <Pager page={page} list={list} />}
            </>
          )
        }
      </Loaded>
    </>
  );
}

function Entries({ items, filtered, clear }: { items: readonly Entry[]; filtered: boolean; clear: () => void }) {
  if (items.length === 0) {
    return filtered ? (
      <Empty title={t.noMatches}>
        <Button variant="default" onClick={clear}>
          {t.clearFilters}
        </Button>
      </Empty>
    ) : (
      <Empty title={meText.activityNone} text={meText.activityNoneHint} />
    );
  }
  return (
    <Timeline bulletSize={14} lineWidth={2} aria-label={meText.activityLabel} maw={900}>
      {items.map((entry) => (
        <Timeline.Item key={entry.idx}>
          <Group gap="xs">
            <Text fw={600}>{entry.summary}</Text>
            {entry.status !== "success" && <Status of={entry.status} />}
          </Group>
          <Text size="sm" c="dimmed" mb={4}>
            <Time at={entry.time} /> · {meText.by[entry.by] ?? entry.by}
            {entry.entity_name ? ` · ${entry.entity_name}` : ""}
            {entry.client_address ? ` · ${meText.from(entry.client_address)}` : ""}
            {entry.user_agent ? ` · ${agentName(entry.user_agent)}` : ""}
          </Text>
          <WhatChanged changes={readable(entry.changes)} kind={entry.entity_type} />
        </Timeline.Item>
      ))}
    </Timeline>
  );
}

/** Without what only names something by its id: whoever does not administer may not look names up. */
function readable(changes: Entry["changes"]): Entry["changes"] {
  return changes.filter(({ before, after }) => !isId(before) && !isId(after));
}

/** The fields of an event are for those who ask for them. */
function WhatChanged({ changes, kind }: { changes: Entry["changes"]; kind: string }) {
  const [open, { toggle }] = useDisclosure(false);
  if (changes.length === 0) {
    return null;
  }
  const Icon = open ? IconChevronDown : IconChevronRight;
  return (
    <>
      <Button
        size="compact-xs"
        variant="subtle"
        ml={-8}
        leftSection={<Icon size={14} aria-hidden />}
        aria-expanded={open}
        onClick={toggle}
      >
        {meText.changes}
      </Button>
      {open && <Changes changes={changes} kind={kind} />}
    </>
  );
}
