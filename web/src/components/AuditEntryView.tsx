import { Accordion, Anchor, Code, Group, Stack, Table, Text } from "@mantine/core";
import { Link } from "react-router";

import type { Schemas } from "../api/client.ts";
import { ofEntity, to } from "../paths.ts";
import { auditText } from "../text/audit.ts";
import { eventText } from "../text/events.ts";
import { fieldText } from "../text/fields.ts";
import { actorName } from "./actorName.ts";
import { Status } from "./Status.tsx";
import { inUtc, local } from "./localTime.ts";
import { ValueView } from "./ValueView.tsx";

type Entry = Schemas["AuditEntry"];

/** Each field that a change has changed, of what kind of thing. */
export function Changes({ changes, kind }: { changes: Entry["changes"]; kind: string }) {
  if (changes.length === 0) {
    return null;
  }
  return (
    <Table.ScrollContainer minWidth={0} type="native" tabIndex={0} role="group" aria-label={auditText.changed}>
      <Table withTableBorder verticalSpacing={4} horizontalSpacing={6} fz={{ base: "xs", xs: "sm" }}>
        <Table.Thead>
          <Table.Tr>
            <Table.Th w={{ base: "1%", xs: "auto" }}>{auditText.field}</Table.Th>
            <Table.Th style={{ overflowWrap: "normal" }}>{auditText.was}</Table.Th>
            <Table.Th style={{ overflowWrap: "normal" }}>{auditText.is}</Table.Th>
          </Table.Tr>
        </Table.Thead>
        <Table.Tbody>
          {changes.map(({ field, before, after }) => (
            <Table.Tr key={field}>
              <Table.Th scope="row" fw={500} style={{ overflowWrap: "normal" }}>
                {fieldText(field, kind)}
              </Table.Th>
              <Table.Td c="dimmed">
                <ValueView field={field} value={before} />
              </Table.Td>
              <Table.Td>
                <ValueView field={field} value={after} />
              </Table.Td>
            </Table.Tr>
          ))}
        </Table.Tbody>
      </Table>
    </Table.ScrollContainer>
  );
}

/** An entry of the audit log with everything that is known about it. */
export function AuditEntryView({ entry }: { entry: Entry }) {
  const path = ofEntity(entry.entity_type, entry.entity_id);
  // A session, or what was erased, has no name: its id is among the facts.
  const name = entry.entity_name ?? auditText.kinds[entry.entity_type] ?? entry.entity_type;
  const facts: [string, string | null | undefined][] = [
    [auditText.number, String(entry.idx)],
    [auditText.event, eventText(entry.event_type)],
    [auditText.eventType, entry.event_type],
    [auditText.filters.entityId, entry.entity_id],
    [auditText.request, entry.request_id],
    [auditText.from, entry.client_address],
    [auditText.client, entry.user_agent],
    [auditText.signedInBy, entry.auth_method && (auditText.signedIn[entry.auth_method] ?? entry.auth_method)],
  ];
  return (
    <Stack gap="sm">
      <Group gap="xs">
        <Status of={entry.status} />
        <Text size="sm">
          {local(entry.time)} · {inUtc(entry.time)}
        </Text>
      </Group>
      <Text fw={600}>{entry.summary}</Text>
      <Text size="sm">
        {auditText.byWhom(actorName(entry.actor))} ·{" "}
        {path === undefined ? (
          name
        ) : (
          <Anchor component={Link} to={path} inherit>
            {name}
          </Anchor>
        )}
      </Text>
      {entry.reason !== null && entry.reason !== undefined && (
        <Text size="sm">
          {auditText.reason}: {entry.reason}
        </Text>
      )}
      {entry.cause && (
        <Text size="sm">
          {auditText.cause}:{" "}
          <Anchor component={Link} to={to.auditEntry(entry.cause.idx)} inherit>
            {auditText.causedBy(entry.cause.idx, entry.cause.summary)}
          </Anchor>
        </Text>
      )}
      <Changes changes={entry.changes} kind={entry.entity_type} />
      <Table fz="sm" verticalSpacing={4} variant="vertical" layout="fixed">
        <Table.Tbody>
          {facts.map(([label, value]) =>
            value === null || value === undefined ? null : (
              <Table.Tr key={label}>
                <Table.Th w={140}>{label}</Table.Th>
                <Table.Td>{value}</Table.Td>
              </Table.Tr>
            ),
          )}
        </Table.Tbody>
      </Table>
      <Accordion variant="contained">
        <Accordion.Item value="raw">
          <Accordion.Control>{auditText.raw}</Accordion.Control>
          <Accordion.Panel>
            <Code block tabIndex={0}>
              {JSON.stringify(entry, undefined, 2)}
            </Code>
          </Accordion.Panel>
        </Accordion.Item>
      </Accordion>
    </Stack>
  );
}
