import { Button, Group, Paper, Stack, Text, Title } from "@mantine/core";

import { api, client, type Schemas } from "../../api/index.ts";
import { signOut } from "../../app/session.ts";
import { confirm } from "../../components/confirm.tsx";
import { Loaded } from "../../components/Loaded.tsx";
import { PageHeader } from "../../components/PageHeader.tsx";
import { notifyDone } from "../../components/problem.ts";
import { SessionList, sessionName } from "../../components/SessionList.tsx";
import { t } from "../../text/index.ts";
import { PasswordForm } from "../session/PasswordForm.tsx";

/** One's own password, and where one is signed in. */
export function Page() {
  return (
    <>
      <PageHeader title={t.me.securityTitle} />
      <Stack gap="xl">
        <section aria-labelledby="password">
          <Title order={2} size="h4" id="password">
            {t.me.password}
          </Title>
          <Text size="sm" c="dimmed" mb="sm">
            {t.me.passwordText}
          </Text>
          <Paper withBorder p="md" maw={480}>
            <PasswordForm onDone={() => notifyDone(t.session.changed)} />
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
      title: t.sessions.endTitle,
      text: session.current ? t.me.endOwnText : t.sessions.endText(sessionName(session)),
      verb: t.sessions.end,
      danger: true,
      reasoned: false,
      action: async () => {
        await client.DELETE("/me/sessions/{id}", { params: { path: { id: session.id } } });
        if (session.current) {
          await signOut();
        }
      },
      ...(session.current ? {} : { done: t.sessions.ended }),
    });
  const endAll = () =>
    confirm({
      title: t.me.endAllTitle,
      text: t.me.endAllText,
      verb: t.me.endAll,
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
            {t.me.sessions}
          </Title>
          <Text size="sm" c="dimmed">
            {t.me.sessionsText}
          </Text>
        </div>
        <Button variant="light" color="red" onClick={endAll}>
          {t.me.endAll}
        </Button>
      </Group>
      <Loaded query={query}>{({ items }) => <SessionList sessions={items} onEnd={end} />}</Loaded>
    </section>
  );
}
