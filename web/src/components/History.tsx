import { Anchor, Modal, Stack, Text, Timeline, UnstyledButton } from "@mantine/core";
import { type ReactNode, useState } from "react";
import { Link } from "react-router";

import { api, type Schemas } from "../api/index.ts";
import { to } from "../paths.ts";
import { auditText } from "../text/audit.ts";
import { t } from "../text/common.ts";
import { actorName } from "./actorName.ts";
import { AuditEntryView, Changes } from "./AuditEntryView.tsx";
import { Empty } from "./Empty.tsx";
import { Loaded } from "./Loaded.tsx";
import { Older, useSize } from "./Older.tsx";
import { Time } from "./Time.tsx";

/** What happened to one entity, the newest first, each with what it changed. */
export function History({
  type,
  id,
  actions,
}: {
  type: string;
  id: string;
  /** What can be done with an entry, such as going back to it; the newest one is what holds. */
  actions?: (entry: Schemas["AuditEntry"], newest: boolean) => ReactNode;
}) {
  const shown = useSize();
  const [open, setOpen] = useState<Schemas["AuditEntry"]>();
  const query = api.useQuery(
    "get",
    "/admin/audit-logs",
    { params: { query: { entity_type: type, entity_id: id, page_size: shown.size } } },
    { placeholderData: (before) => before },
  );
  return (
    <Loaded query={query}>
      {({ items, next }) =>
        items.length === 0 ? (
          <Empty title={auditText.noHistory} text={auditText.noHistoryHint} />
        ) : (
          <Stack>
            <Timeline bulletSize={14} lineWidth={2} aria-label={auditText.historyLabel}>
              {items.map((entry, n) => (
                <Timeline.Item
                  key={entry.idx}
                  title={
                    <UnstyledButton onClick={() => setOpen(entry)} fw={600}>
                      {entry.summary}
                    </UnstyledButton>
                  }
                >
                  <Text size="sm" c="dimmed" mb={4}>
                    <Time at={entry.time} /> · {auditText.byWhom(actorName(entry.actor))}
                    {entry.reason ? ` · ${entry.reason}` : ""}
                  </Text>
                  <Changes changes={entry.changes} kind={entry.entity_type} />
                  {actions?.(entry, n === 0)}
                </Timeline.Item>
              ))}
            </Timeline>
            <Older
              next={next}
              of={shown}
              loading={query.isPlaceholderData}
              rest={
                <Anchor component={Link} to={to.audit({ entity_type: type, entity_id: id })} inherit>
                  {auditText.historyRest}
                </Anchor>
              }
            />
            <Modal opened={open !== undefined} onClose={() => setOpen(undefined)} size="lg" title={t.details}>
              {open !== undefined && <AuditEntryView entry={open} />}
            </Modal>
          </Stack>
        )
      }
    </Loaded>
  );
}
