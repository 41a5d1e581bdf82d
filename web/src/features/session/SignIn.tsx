import { Center, Paper, Stack, Text, Title } from "@mantine/core";

import { t } from "../../text/common.ts";
import { sessionText } from "../../text/session.ts";
import { SignInForm } from "./SignInForm.tsx";

export function SignIn() {
  return (
    <Center mih="100dvh" p="md" component="main">
      <title>{`${sessionText.title} · ${t.product}`}</title>
      <Paper withBorder p="xl" w="100%" maw={400} shadow="sm">
        <Stack gap="lg">
          <div>
            <Text c="dimmed" size="sm">
              {t.product}
            </Text>
            <Title order={1} size="h2">
              {sessionText.title}
            </Title>
          </div>
          <SignInForm />
        </Stack>
      </Paper>
    </Center>
  );
}
