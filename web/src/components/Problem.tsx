import { Alert, Button, Group, Stack, Text } from "@mantine/core";

import { ApiError } from "../api/client.ts";
import { t } from "../text/common.ts";
import { fieldText } from "../text/fields.ts";
import { messageOf } from "./problem.ts";

/** What the server has against fields, as far as its message does not say so: of one fault it does. */
function unsaid(error: unknown): ApiError["details"] {
  return error instanceof ApiError ? error.details.filter(({ message }) => !error.message.includes(message)) : [];
}

/** What could not be read, in the place where it would be. */
export function Problem({ error, retry }: { error: unknown; retry?: (() => void) | undefined }) {
  return (
    <Alert color="red" role="alert" title={t.problem.title}>
      <Stack gap="xs" align="flex-start">
        <Text size="sm">{messageOf(error)}</Text>
        {unsaid(error).map(({ field, message }) => (
          <Text key={`${field} ${message}`} size="sm">
            {fieldText(field)}: {message}
          </Text>
        ))}
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
