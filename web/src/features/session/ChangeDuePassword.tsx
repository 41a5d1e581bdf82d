import { Button, Center, Paper, Stack, Text, Title } from "@mantine/core";

import { passwordChanged, signOut } from "../../app/session.ts";
import { t } from "../../text/common.ts";
import { sessionText } from "../../text/session.ts";
import { PasswordForm } from "./PasswordForm.tsx";

/** Whoever has a password that somebody else made chooses one before anything else. */
export function ChangeDuePassword() {
  return (
    <Center mih="100dvh" p="md" component="main">
      <title>{`${sessionText.due} · ${t.product}`}</title>
      <Paper withBorder p="xl" w="100%" maw={440} shadow="sm">
        <Stack>
          <Title order={1} size="h3">
            {sessionText.due}
          </Title>
          <Text size="sm">{sessionText.dueText}</Text>
          <PasswordForm onDone={passwordChanged} />
          <Button variant="subtle" onClick={() => void signOut().catch(() => undefined)}>
            {sessionText.signOut}
          </Button>
        </Stack>
      </Paper>
    </Center>
  );
}
