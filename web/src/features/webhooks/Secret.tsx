import { Button, Group, Stack } from "@mantine/core";

import type { Schemas } from "../../api/client.ts";
import { openDialog, prepareDialogs } from "../../components/dialogs.ts";
import { OneTime } from "../../components/OneTime.tsx";
import { notifyDone } from "../../components/problem.ts";
import { useUnloadGuard } from "../../components/useUnloadGuard.ts";
import { t } from "../../text/common.ts";
import { webhooksText } from "../../text/webhooks.ts";

// Whoever may show a secret has loaded this file before there is one.
prepareDialogs();

/** Shows a secret that was just made; it stays until somebody says that they have it. */
export function tellSecret(answer: Schemas["WebhookSecret"] | Schemas["AlreadyShown"] | undefined): void {
  const secret = answer !== undefined && "secret" in answer ? answer.secret : null;
  if (!secret) {
    notifyDone(webhooksText.secretShown);
    return;
  }
  const only = { closeOnClickOutside: false, closeOnEscape: false, withCloseButton: false };
  openDialog({ title: webhooksText.secretTitle, size: "lg", ...only }, (close) => (
    <Stack>
      <Kept />
      <OneTime text={secret} label={webhooksText.secret} hint={webhooksText.secretHint} />
      <Group justify="flex-end">
        <Button onClick={close}>{t.oneTimeDone}</Button>
      </Group>
    </Stack>
  ));
}

/** It stays on every page; only the tab could be closed. */
function Kept() {
  useUnloadGuard();
  return null;
}
