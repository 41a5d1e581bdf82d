import { Alert, Button, Group, Stack, Text } from "@mantine/core";

import { ApiError } from "../api/client.ts";
import { t } from "../text/common.ts";
import { messageOf } from "./problem.ts";

/** What could not be read, in the place where it would be. */
export function Problem({ error, retry }: { error: unknown; retry?: (() => void) | undefined }) {
  return (
    <Alert color="red" role="alert" title={t.problem.title}>
      <Stack gap="xs" align="flex-start">
        <Text size="sm">{messageOf(error)}</Text>
        <Group gap="sm">
          {retry !== undefined && (
            <Button size="xs" variant="default" onClick={retry}>
              {t.retry}
            </Button>
          )}
          {error instanceof ApiError && error.requestId !== undefined && (
            <Text size="xs" c="dimmed">
              {t.problem.request(error.requestId)}
            </Text>
          )}
        </Group>
      </Stack>
    </Alert>
  );
}
