import { Center, Paper, Stack, Title } from "@mantine/core";

import { t } from "../../text/common.ts";
import { sessionText } from "../../text/session.ts";
import { DuePassword } from "./DuePassword.tsx";

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
          <DuePassword />
        </Stack>
      </Paper>
    </Center>
  );
}
