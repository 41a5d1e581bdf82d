import { Anchor, Button, CopyButton, Drawer, Group, Stack } from "@mantine/core";
import { IconChevronDown, IconChevronUp, IconLink } from "@tabler/icons-react";
import { Link } from "react-router";

import { api, type Schemas } from "../../api/index.ts";
import { AuditEntryView } from "../../components/AuditEntryView.tsx";
import { Empty } from "../../components/Empty.tsx";
import { Loaded } from "../../components/Loaded.tsx";
import { to } from "../../paths.ts";
import { auditText } from "../../text/audit.ts";
import { t } from "../../text/common.ts";

const words = auditText.entry;
/** What a change of these may have changed about who reaches what. */
const ACCESS = ["user", "group", "device", "policy", "gateway"];

/** One entry, with the way to those around it. */
export function EntryDrawer({
  idx,
  known,
  onClose,
  onGo,
}: {
  /** Nothing is shown without. */
  idx: number | undefined;
  /** The entry, where the list has it already. */
  known: Schemas["AuditEntry"] | undefined;
  onClose: () => void;
  onGo: (idx: number) => void;
}) {
  const query = api.useQuery(
    "get",
    "/admin/audit-logs",
    { params: { query: { from: String(idx), to: String(idx) } } },
    { enabled: idx !== undefined && known === undefined },
  );
  const loaded = known === undefined ? query : { ...query, data: { items: [known] }, error: null };
  return (
    <Drawer
      opened={idx !== undefined}
      onClose={onClose}
      position="right"
      size="lg"
      title={idx === undefined ? "" : words.title(idx)}
      closeButtonProps={{ "aria-label": t.close }}
    >
      {idx !== undefined && (
        <Stack>
          <Group gap="xs">
            <Button
              size="xs"
              variant="default"
              leftSection={<IconChevronDown size={14} aria-hidden />}
              disabled={idx <= 1}
              onClick={() => onGo(idx - 1)}
            >
              {words.older}
            </Button>
            <Button
              size="xs"
              variant="default"
              leftSection={<IconChevronUp size={14} aria-hidden />}
              onClick={() => onGo(idx + 1)}
            >
              {words.newer}
            </Button>
            <CopyButton value={new URL(to.auditEntry(idx), location.href).href}>
              {({ copied, copy }) => (
                <Button size="xs" variant="default" leftSection={<IconLink size={14} aria-hidden />} onClick={copy}>
                  {copied ? t.copied : words.copy}
                </Button>
              )}
            </CopyButton>
          </Group>
          <Loaded query={loaded}>
            {({ items: [entry] }) =>
              entry === undefined ? (
                <Empty title={words.none} />
              ) : (
                <Stack>
                  <AuditEntryView entry={entry} />
                  <Around entry={entry} />
                </Stack>
              )
            }
          </Loaded>
        </Stack>
      )}
    </Drawer>
  );
}

/** Where to go on from an entry. */
function Around({ entry }: { entry: Schemas["AuditEntry"] }) {
  const { idx, actor, entity_type, entity_id, request_id } = entry;
  const links: [string, string][] = [
    [words.ofEntity(auditText.kinds[entity_type] ?? entity_type), to.audit({ entity_type, entity_id })],
  ];
  if (request_id) {
    links.push([words.ofRequest, to.audit({ request_id })]);
  }
  if (actor.id) {
    links.push([words.ofActor, to.audit({ actor_id: actor.id })]);
  }
  if (ACCESS.includes(entity_type)) {
    links.push([words.reaches, to.access({ tab: "diff", event: String(idx) })]);
  }
  links.push([words.prove, to.verify(idx)]);
  return (
    <Stack gap={4} align="flex-start">
      {links.map(([label, path]) => (
        <Anchor key={path} component={Link} to={path} size="sm">
          {label}
        </Anchor>
      ))}
    </Stack>
  );
}
