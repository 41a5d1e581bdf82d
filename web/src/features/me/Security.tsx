import { Button, Group, Paper, Stack, Text, Title } from "@mantine/core";

import { api, changed, client, type Schemas } from "../../api/index.ts";
import { signOut } from "../../app/session.ts";
import { confirm } from "../../components/confirm.tsx";
import { Loaded } from "../../components/Loaded.tsx";
import { PageHeader } from "../../components/PageHeader.tsx";
import { notifyDone } from "../../components/problem.ts";
import { SessionList, sessionName } from "../../components/SessionList.tsx";
import { meText } from "../../text/me.ts";
import { sessionText } from "../../text/session.ts";
import { sessionsText } from "../../text/sessions.ts";
import { PasswordForm } from "../session/PasswordForm.tsx";

/** One's own password, and where one is signed in. */
export function Page() {
  return (
    <>
      <PageHeader title={meText.securityTitle} />
      <Stack gap="xl">
        <section aria-labelledby="password">
          <Title order={2} size="h4" id="password">
            {meText.password}
          </Title>
          <Text size="sm" c="dimmed" mb="sm">
            {meText.passwordText}
          </Text>
          <Paper withBorder p="md" maw={480}>
            <PasswordForm
              onDone={() => {
                notifyDone(sessionText.changed);
                // The sessions that it ended are listed below.
                void changed();
              }}
            />
          </Paper>
        </section>
        <Sessions />
      </Stack>
    </>
  );
}

function Sessions() {
  const query = api.useQuery("get", "/me/sessions");
  const end = (session: Schemas["Session"]) =>
    confirm({
      title: sessionsText.endTitle,
      text: session.current ? meText.endOwnText : sessionsText.endText(sessionName(session)),
      verb: sessionsText.end,
      danger: true,
      reasoned: false,
      action: async () => {
        await client.DELETE("/me/sessions/{id}", { params: { path: { id: session.id } } });
        if (session.current) {
          await signOut();
        }
      },
      ...(session.current ? {} : { done: sessionsText.ended }),
    });
  const endAll = () =>
    confirm({
      title: meText.endAllTitle,
      text: meText.endAllText,
      verb: meText.endAll,
      danger: true,
      reasoned: false,
      action: async () => {
        await client.POST("/auth/logout-all");
        await signOut();
      },
    });
  return (
    <section aria-labelledby="sessions">
      <Group justify="space-between" align="flex-end" mb="sm">
        <div>
          <Title order={2} size="h4" id="sessions">
            {meText.sessions}
          </Title>
          <Text size="sm" c="dimmed">
            {meText.sessionsText}
          </Text>
        </div>
        <Button variant="light" color="red" onClick={endAll}>
          {meText.endAll}
        </Button>
      </Group>
      <Loaded query={query}>{({ items }) => <SessionList sessions={items} onEnd={end} />}</Loaded>
    </section>
  );
}
