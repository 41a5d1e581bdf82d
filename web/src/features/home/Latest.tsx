import { Anchor, Group, Stack, Text } from "@mantine/core";
import { useState } from "react";
import { Link } from "react-router";

import { api, type Schemas } from "../../api/index.ts";
import { actorName } from "../../components/actorName.ts";
import { Loaded } from "../../components/Loaded.tsx";
import { Status } from "../../components/Status.tsx";
import { Time } from "../../components/Time.tsx";
import { to } from "../../paths.ts";
import { auditText } from "../../text/audit.ts";
import { homeText } from "../../text/home.ts";
import { useTail } from "../audit/useTail.ts";
import { Panel } from "./Panel.tsx";

const words = homeText.latest;
const SHOWN = 12;

/** What happened last, and what happens now. */
export function Latest() {
  const query = api.useQuery("get", "/admin/audit-logs", { params: { query: { page_size: SHOWN } } });
  const [came, setCame] = useState<Schemas["AuditEntry"][]>([]);
  const { connected } = useTail(query.data !== undefined, {}, query.data?.items[0]?.idx, (entry) =>
    setCame((before) => [entry, ...before].slice(0, SHOWN)),
  );
  return (
    <Panel
      title={words.title}
      aside={
        <Anchor component={Link} to={to.audit()} size="sm">
          {words.all}
        </Anchor>
      }
    >
      <Loaded query={query}>
        {({ items }) => (
          <Stack gap="sm">
            {together(came, items).map((entry) => (
              <Group key={entry.idx} justify="space-between" gap="xs" wrap="nowrap" align="flex-start">
                <div style={{ minWidth: 0 }}>
                  <Anchor component={Link} to={to.auditEntry(entry.idx)} size="sm">
                    {entry.summary}
                  </Anchor>{" "}
                  {entry.status === "failure" && <Status of={entry.status} />}
                  <Text size="xs" c="dimmed">
                    {auditText.byWhom(actorName(entry.actor))}
                    {entry.entity_name && ` · ${entry.entity_name}`}
                  </Text>
                </div>
                <Text size="xs" c="dimmed" span>
                  <Time at={entry.time} ago />
                </Text>
              </Group>
            ))}
            <Text size="xs" c="dimmed">
              {connected ? words.live : words.connecting}
            </Text>
          </Stack>
        )}
      </Loaded>
    </Panel>
  );
}

/** The newest of both, each once. */
function together(came: readonly Schemas["AuditEntry"][], read: readonly Schemas["AuditEntry"][]) {
  const all = new Map([...read, ...came].map((entry) => [entry.idx, entry]));
  return [...all.values()].sort((a, b) => b.idx - a.idx).slice(0, SHOWN);
}
