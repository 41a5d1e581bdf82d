import { Alert, Button, Group, List, Stack, Text } from "@mantine/core";

import type { Schemas } from "../api/client.ts";
import { t } from "../text/common.ts";
import { openDialog } from "./dialogs.ts";
import { notifyDone } from "./problem.ts";

type Answer =
  | Schemas["DeviceBulkAnswer"]
  | Schemas["PolicyBulkAnswer"]
  | Schemas["UserBulkAnswer"];

/** Says what became of each: a word where all went well, otherwise which did not and why. */
export function tellBulk(answer: Answer, nameOf: (id: string) => string): void {
  if (answer.failed === 0) {
    notifyDone(t.bulk.done(answer.succeeded));
    return;
  }
  const failed = answer.results.filter(({ error }) => error);
  openDialog({ title: t.bulk.title, size: "lg" }, (close) => (
    <Stack>
      <Text size="sm">{t.bulk.counts(answer.succeeded, answer.failed)}</Text>
      <Alert color="red" title={t.bulk.failed}>
        <List size="sm">
          {failed.map((item) => (
            <List.Item key={item.id}>
              <Text span inherit fw={600}>
                {nameOf(item.id)}
              </Text>
              {": "}
              {item.error?.message}
            </List.Item>
          ))}
        </List>
      </Alert>
      <Group justify="flex-end">
        <Button data-autofocus onClick={close}>
          {t.close}
        </Button>
      </Group>
    </Stack>
  ));
}
