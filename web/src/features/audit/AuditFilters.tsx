import { Button, Collapse, type ComboboxItem, Group, Select, SimpleGrid, Stack, TextInput } from "@mantine/core";
import { useDisclosure } from "@mantine/hooks";
import { IconChevronDown, IconChevronUp } from "@tabler/icons-react";
import { useEffect, useState } from "react";

import { type EntityKind } from "../../components/entityNames.ts";
import { EntitySelect } from "../../components/EntitySelect.tsx";
import { narrow } from "../../components/filters.tsx";
import { fromLocalInput, toLocalInput } from "../../components/localTime.ts";
import { SearchBox } from "../../components/SearchBox.tsx";
import { TimeField } from "../../components/TimeField.tsx";
import type { useListState } from "../../components/useListState.ts";
import { auditText } from "../../text/audit.ts";
import { t } from "../../text/common.ts";
import { eventText } from "../../text/events.ts";
import { EVENTS, eventTypes } from "./events.ts";

const words = auditText.filters;
const MORE = ["entity_id", "user", "actor_id", "actor_type", "address", "request_id", "from", "to"];
const NAMED: readonly string[] = ["user", "group", "device", "policy", "gateway"];
const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;
const ADDRESS = /^[0-9a-f:.]{2,45}$/i;

/** Whether an event is what somebody types: a part of its words, or of its type as the API has it. */
function fits({ label, value }: ComboboxItem, search: string): boolean {
  const typed = search.trim().toLowerCase();
  return label.toLowerCase().includes(typed) || value.includes(typed);
}

/** What is looked for, all of it in the URL. */
export function AuditFilters({ list }: { list: ReturnType<typeof useListState> }) {
  const { filters } = list;
  const extra = MORE.filter((name) => filters[name] !== undefined).length;
  const [open, { toggle }] = useDisclosure(extra > 0);
  const { set } = list;
  const kind = filters["entity_type"];
  const type = filters["event_type"];
  const known = eventTypes(kind);
  const types = type === undefined || known.includes(type) ? known : [type, ...known];
  return (
    <Stack gap="sm" mb="md">
      <Group gap="sm" align="flex-end">
        <SearchBox
          label={t.search}
          value={list.q}
          onChange={(q) => set({ q })}
        />
        <Select
          aria-label={words.entityType}
          placeholder={words.entityType}
          clearable
          w={{ base: "100%", xs: 140 }}
          data={Object.keys(EVENTS).map((value) => ({ value, label: auditText.kinds[value] ?? value }))}
          value={kind ?? null}
          onChange={(entity_type) => set({ entity_type, event_type: null, entity_id: null })}
        />
        <Select
          aria-label={words.eventType}
          placeholder={words.eventType}
          clearable
          searchable
          w={{ base: "100%", xs: 240 }}
          data={types.map((value) => ({ value, label: eventText(value) }))}
          filter={({ options, search }) => (options as ComboboxItem[]).filter((option) => fits(option, search))}
          value={type ?? null}
          onChange={(event_type) => set({ event_type })}
        />
        <Select
          aria-label={words.status}
          placeholder={words.status}
          clearable
          w={narrow(140)}
          data={[
            { value: "success", label: words.success },
            { value: "failure", label: words.failure },
          ]}
          value={filters["status"] ?? null}
          onChange={(status) => set({ status })}
        />
        <Button
          variant="subtle"
          onClick={toggle}
          aria-expanded={open}
          rightSection={open ? <IconChevronUp size={16} /> : <IconChevronDown size={16} />}
        >
          {words.more(extra)}
        </Button>
        {list.filtered && (
          <Button
            variant="subtle"
            color="gray"
            onClick={() => set(Object.fromEntries([...Object.keys(filters), "q"].map((name) => [name, null])))}
          >
            {t.clearFilters}
          </Button>
        )}
      </Group>
      <Collapse expanded={open}>
        <SimpleGrid cols={{ base: 1, xs: 2, lg: 4 }} spacing="sm">
          <Moment label={words.from} value={filters["from"]} onChange={(from) => set({ from })} />
          <Moment label={words.to} value={filters["to"]} onChange={(to) => set({ to })} />
          <EntitySelect
            kind="user"
            label={words.actor}
            value={filters["actor_id"] ?? null}
            onChange={(actor_id) => set({ actor_id })}
          />
          <Select
            label={words.actorType}
            clearable
            data={Object.entries(auditText.actorTypes).map(([value, label]) => ({ value, label }))}
            value={filters["actor_type"] ?? null}
            onChange={(actor_type) => set({ actor_type })}
          />
          <EntitySelect
            kind="user"
            label={words.user}
            value={filters["user"] ?? null}
            onChange={(user) => set({ user })}
          />
          {kind !== undefined && NAMED.includes(kind) ? (
            <EntitySelect
              key={kind}
              kind={kind as EntityKind}
              label={words.entity(auditText.kinds[kind] ?? kind)}
              value={filters["entity_id"] ?? null}
              onChange={(entity_id) => set({ entity_id })}
            />
          ) : (
            <Exact label={words.entityId} value={filters["entity_id"]} onChange={(entity_id) => set({ entity_id })} />
          )}
          <Exact
            label={words.address}
            description={words.addressHint}
            value={filters["address"]}
            valid={ADDRESS}
            error={words.badAddress}
            onChange={(address) => set({ address })}
          />
          <Exact
            label={words.request}
            value={filters["request_id"]}
            valid={UUID}
            error={words.badRequest}
            onChange={(request_id) => set({ request_id })}
          />
        </SimpleGrid>
      </Collapse>
    </Stack>
  );
}

/** A time; the number of an entry, which the API takes as well, stays in the URL as it is. */
function Moment({
  label,
  value,
  onChange,
}: {
  label: string;
  value: string | undefined;
  onChange: (value: string | null) => void;
}) {
  const number = value !== undefined && /^\d+$/.test(value);
  const shown = number ? "" : toLocalInput(value);
  const [text, setText] = useState(shown);
  useEffect(() => setText(shown), [shown]);
  const commit = () => {
    if (text !== shown) {
      onChange(fromLocalInput(text));
    }
  };
  return (
    <TimeField
      step={1}
      label={label}
      {...(number ? { empty: auditText.entry.title(Number(value)) } : {})}
      value={text}
      onChange={(event) => setText(event.currentTarget.value)}
      onBlur={commit}
      onKeyDown={(event) => {
        if (event.key === "Enter") {
          commit();
        }
      }}
    />
  );
}

/** A text that is looked for as a whole: once it is one, and not while it is typed. */
function Exact({
  label,
  description,
  value,
  valid,
  error,
  onChange,
}: {
  label: string;
  description?: string;
  value: string | undefined;
  valid?: RegExp;
  error?: string;
  onChange: (value: string | null) => void;
}) {
  const [text, setText] = useState(value ?? "");
  const [wrong, setWrong] = useState(false);
  useEffect(() => {
    setText(value ?? "");
    setWrong(false);
  }, [value]);
  const commit = () => {
    const trimmed = text.trim();
    const fits = trimmed === "" || valid === undefined || valid.test(trimmed);
    setWrong(!fits);
    if (fits && trimmed !== (value ?? "")) {
      onChange(trimmed === "" ? null : trimmed);
    }
  };
  return (
    <TextInput
      label={label}
      description={description}
      inputWrapperOrder={["label", "input", "error", "description"]}
      error={wrong ? error : undefined}
      value={text}
      onChange={(event) => setText(event.currentTarget.value)}
      onBlur={commit}
      onKeyDown={(event) => {
        if (event.key === "Enter") {
          commit();
        }
      }}
    />
  );
}
