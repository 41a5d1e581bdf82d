import { Alert, Button, Group, Loader, Stack, Text } from "@mantine/core";
import { useEffect, useState } from "react";

import type { Schemas } from "../../api/index.ts";
import { Problem } from "../../components/Problem.tsx";
import { t } from "../../text/common.ts";
import { webhooksText as words } from "../../text/webhooks.ts";

type Result = Schemas["WebhookTest"];

/** That a test is under way, and then what became of it. */
export function TestResult({ answer, close }: { answer: Promise<Result | undefined>; close: () => void }) {
  const [result, setResult] = useState<Result>();
  const [error, setError] = useState<unknown>();
  useEffect(() => {
    answer.then(setResult, setError);
  }, [answer]);
  return (
    <Stack>
      <div role="status">
        {result !== undefined ? (
          <Became result={result} />
        ) : error !== undefined ? (
          <Problem error={error} />
        ) : (
          <Group gap="sm">
            <Loader size="sm" />
            <Text size="sm">{words.testing}</Text>
          </Group>
        )}
      </div>
      <Group justify="flex-end">
        <Button data-autofocus onClick={close}>
          {t.close}
        </Button>
      </Group>
    </Stack>
  );
}

function Became({ result: { delivered, took_ms: ms, status, error } }: { result: Result }) {
  return (
    <Alert color={delivered ? "green" : "red"}>
      <Text size="sm">{delivered ? words.testDone(ms, status) : words.testFailed(ms, status)}</Text>
      {error && (
        <Text size="sm" mt="xs">
          {error}
        </Text>
      )}
    </Alert>
  );
}
