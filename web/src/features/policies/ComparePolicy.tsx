import { Alert, Badge, Group, Modal, Paper, SimpleGrid, Stack, Text, Title } from "@mantine/core";
import { IconMinus, IconPlus } from "@tabler/icons-react";
import type { ReactNode } from "react";

import { api, type Schemas } from "../../api/index.ts";
import { Loaded } from "../../components/Loaded.tsx";
import { Time } from "../../components/Time.tsx";
import { t } from "../../text/common.ts";
import { policiesText } from "../../text/policies.ts";
import { compare, type Item, type Row } from "./diff.ts";
import type { Policy } from "./form.ts";
import { PolicyFacts } from "./PolicyFacts.tsx";
import { TargetName } from "./TargetNames.tsx";

const words = policiesText.history;

/** A version of a policy and the present one, side by side. */
export function ComparePolicy({
  id,
  entry,
  present,
  onClose,
}: {
  id: string;
  /** The event whose version it is; nothing is shown without. */
  entry: Schemas["AuditEntry"] | undefined;
  /** None where it was deleted. */
  present: Policy | undefined;
  onClose: () => void;
}) {
  return (
    <Modal opened={entry !== undefined} onClose={onClose} title={words.compareTitle} size="xl">
      {entry !== undefined && <Versions id={id} entry={entry} present={present} />}
    </Modal>
  );
}

function Versions({ id, entry, present }: { id: string; entry: Schemas["AuditEntry"]; present: Policy | undefined }) {
  const query = api.useQuery("get", "/admin/policies/{id}", {
    params: { path: { id }, query: { at: String(entry.idx) } },
  });
  return (
    <Stack>
      <Text size="sm">
        {entry.summary} · <Time at={entry.time} />
      </Text>
      <Loaded query={query}>
        {(then) =>
          present === undefined ? (
            <>
              <Alert color="orange">{words.gone}</Alert>
              <PolicyFacts policy={then} />
            </>
          ) : (
            <Differences then={then} now={present} />
          )
        }
      </Loaded>
    </Stack>
  );
}

function Differences({ then, now }: { then: Policy; now: Policy }) {
  const { differing, same } = compare(then, now);
  if (differing.length === 0) {
    return <Text size="sm">{words.same}</Text>;
  }
  return (
    <Stack gap="sm">
      {differing.map((row) => (
        <Paper key={row.field} withBorder p="sm">
          <Title order={3} size="h6" mb={4}>
            {policiesText.fields[row.field]}
          </Title>
          <SimpleGrid cols={{ base: 1, xs: 2 }} spacing="md">
            <Side label={words.then}>
              <Content row={row} side="then" />
            </Side>
            <Side label={words.now}>
              <Content row={row} side="now" />
            </Side>
          </SimpleGrid>
        </Paper>
      ))}
      {same.length > 0 && (
        <Text size="sm" c="dimmed">
          {words.sameFields}: {same.map((field) => policiesText.fields[field]).join(", ")}
        </Text>
      )}
    </Stack>
  );
}

function Side({ label, children }: { label: string; children: ReactNode }) {
  return (
    <div role="group" aria-label={label}>
      <Text size="xs" c="dimmed">
        {label}
      </Text>
      {children}
    </div>
  );
}

function Content({ row, side }: { row: Row; side: "then" | "now" }) {
  if (row.kind === "list") {
    const items = row.items.filter((item) => item.side === "both" || item.side === side);
    return items.length === 0 ? (
      <Text size="sm" c="dimmed">
        {t.none}
      </Text>
    ) : (
      <Stack gap={2} mah={300} style={{ overflowY: "auto" }} tabIndex={0}>
        {items.map((item) => (
          <Marked key={item.key} item={item} mono={row.field === "destinations"} />
        ))}
      </Stack>
    );
  }
  const value = row[side];
  if (row.kind === "time") {
    return value === null ? <Text size="sm">–</Text> : <Time at={value} />;
  }
  return (
    <Text size="sm" style={{ whiteSpace: "pre-line" }}>
      {wordOf(row.field, value)}
    </Text>
  );
}

/** Yes and no, allow and deny, in the words of the form. */
function wordOf(field: Row["field"], value: string | null): string {
  if (value === null || value === "") {
    return "–";
  }
  if (field === "enabled" || field === "full_tunnel") {
    return value === "true" ? t.yes : t.no;
  }
  return field === "effect" && (value === "allow" || value === "deny") ? t.effects[value] : value;
}

function Marked({ item, mono }: { item: Item; mono: boolean }) {
  const text = item.target === undefined ? item.key : <TargetName target={item.target} />;
  return (
    <Group gap="xs">
      <Text span size="sm" {...(mono ? { ff: "monospace" } : {})}>
        {text}
      </Text>
      {item.side !== "both" && (
        <Badge
          size="sm"
          tt="none"
          variant="light"
          color={item.side === "then" ? "orange" : "green"}
          leftSection={item.side === "then" ? <IconMinus size={10} aria-hidden /> : <IconPlus size={10} aria-hidden />}
        >
          {item.side === "then" ? words.onlyThen : words.onlyNow}
        </Badge>
      )}
    </Group>
  );
}
