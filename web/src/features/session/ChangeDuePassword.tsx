import { Button, Center, Paper, Stack, Text, Title } from "@mantine/core";

import { passwordChanged, signOut } from "../../app/session.ts";
import { t } from "../../text/index.ts";
import { PasswordForm } from "./PasswordForm.tsx";

/** Whoever has a password that somebody else made chooses one before anything else. */
export function ChangeDuePassword() {
  return (
    <Center mih="100dvh" p="md" component="main">
      <title>{`${t.session.due} · ${t.product}`}</title>
      <Paper withBorder p="xl" w="100%" maw={440} shadow="sm">
        <Stack>
          <Title order={1} size="h3">
            {t.session.due}
          </Title>
          <Text size="sm">{t.session.dueText}</Text>
          <PasswordForm onDone={passwordChanged} />
          <Button variant="subtle" onClick={() => void signOut().catch(() => undefined)}>
            {t.session.signOut}
          </Button>
        </Stack>
      </Paper>
    </Center>
  );
}
