import { Button, Group, Paper, Stack, Text } from "@mantine/core";
import { IconDeviceLaptop, IconWorld } from "@tabler/icons-react";

import type { Schemas } from "../api/client.ts";
import { sessionsText } from "../text/sessions.ts";
import { agentName } from "./agent.ts";
import { Empty } from "./Empty.tsx";
import { Status } from "./Status.tsx";
import { Time } from "./Time.tsx";

type Session = Schemas["Session"];

/** What a session is called: by its program, or by its device. */
export function sessionName(session: Session): string {
  const agent = agentName(session.user_agent);
  const device = session.device?.name;
  return device === null || device === undefined ? agent : `${agent}, ${sessionsText.device(device)}`;
}

/** Where somebody is signed in; `onEnd` ends one, where one may. */
export function SessionList({
  sessions,
  onEnd,
}: {
  sessions: readonly Session[];
  onEnd: ((session: Session) => void) | undefined;
}) {
  if (sessions.length === 0) {
    return <Empty title={sessionsText.none} text={sessionsText.noneHint} />;
  }
  return (
    <Stack component="ul" gap="sm" p={0} m={0} aria-label={sessionsText.label} style={{ listStyle: "none" }}>
      {sessions.map((session) => {
        const Icon = session.device === null || session.device === undefined ? IconWorld : IconDeviceLaptop;
        const name = sessionName(session);
        return (
          <Paper key={session.id} component="li" withBorder p="sm">
            <Group justify="space-between" gap="sm">
              <Group gap="sm" wrap="nowrap" align="flex-start" style={{ flex: "1 1 240px", minWidth: 0 }}>
                <Icon size={22} stroke={1.6} aria-hidden style={{ flexShrink: 0, marginTop: 2 }} />
                <div style={{ minWidth: 0 }}>
                  <Group gap="xs">
                    <Text fw={600}>{name}</Text>
                    {session.current && <Status of="active" label={sessionsText.this} />}
                  </Group>
                  <Text size="sm" c="dimmed">
                    {sessionsText.lastUsed} <Time at={session.last_used_at} ago /> · {sessionsText.since}{" "}
                    <Time at={session.created_at} />
                    {session.client_address ? ` · ${sessionsText.from} ${session.client_address}` : ""}
                  </Text>
                  <Text size="sm" c="dimmed">
                    {sessionsText.ends} <Time at={session.expires_at} ago />
                  </Text>
                </div>
              </Group>
              {onEnd !== undefined && (
                <Button size="xs" variant="default" onClick={() => onEnd(session)} aria-label={sessionsText.endOf(name)}>
                  {sessionsText.end}
                </Button>
              )}
            </Group>
          </Paper>
        );
      })}
    </Stack>
  );
}
