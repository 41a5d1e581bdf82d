import { Button, Group, Stack } from "@mantine/core";
import { modals } from "@mantine/modals";

import type { Schemas } from "../../api/client.ts";
import { OneTime } from "../../components/OneTime.tsx";
import { notifyDone } from "../../components/problem.ts";
import { t } from "../../text/common.ts";
import { webhooksText } from "../../text/webhooks.ts";

/** Shows a secret that was just made; it stays until somebody says that they have it. */
export function tellSecret(answer: Schemas["WebhookSecret"] | Schemas["AlreadyShown"] | undefined): void {
  const secret = answer !== undefined && "secret" in answer ? answer.secret : null;
  if (!secret) {
    notifyDone(webhooksText.secretShown);
    return;
  }
  const id = modals.open({
    title: webhooksText.secretTitle,
    size: "lg",
    closeOnClickOutside: false,
    closeOnEscape: false,
    withCloseButton: false,
    children: (
      <Stack>
        <OneTime text={secret} label={webhooksText.secret} hint={webhooksText.secretHint} />
        <Group justify="flex-end">
          <Button onClick={() => modals.close(id)}>{t.oneTimeDone}</Button>
        </Group>
      </Stack>
    ),
  });
}
