import { Alert, Button, Group, Loader, Stack, Text, TextInput } from "@mantine/core";
import { useEffect, useState } from "react";

import { ApiError, changed, type Schemas } from "../api/index.ts";
import { t } from "../text/common.ts";
import { previewText } from "../text/preview.ts";
import { type Confirmation, reasonHeader } from "./confirm.tsx";
import { PreviewView } from "./PreviewView.tsx";
import { messageOf, notifyDone } from "./problem.ts";

/** Says what will happen, takes a reason, and does it. */
export function ConfirmForm({
  text,
  verb,
  danger,
  preview,
  action,
  done,
  reason: proposed = "",
  phrase,
  reasoned = true,
  onDone,
  close,
}: Confirmation & { close: () => void }) {
  const [typed, setTyped] = useState("");
  const [reason, setReason] = useState(proposed);
  const [problem, setProblem] = useState<string>();
  const [busy, setBusy] = useState(false);
  const [said, setSaid] = useState<Schemas["Preview"]>();
  const [unsaid, setUnsaid] = useState<string>();
  useEffect(() => {
    preview?.()
      .then(setSaid)
      .catch((error: unknown) => setUnsaid(messageOf(error)));
    // What it would do is worked out once, for the moment at which one asks.
  }, []);

  const submit = async () => {
    setBusy(true);
    setProblem(undefined);
    try {
      await action(reasonHeader(reason));
      close();
      if (done !== undefined) {
        notifyDone(done);
      }
      onDone?.();
      await changed();
    } catch (error) {
      setProblem(messageOf(error));
      if (error instanceof ApiError && error.status === 412) {
        // The page below shows what it has become meanwhile.
        await changed();
      }
    } finally {
      setBusy(false);
    }
  };

  return (
    <form
      onSubmit={(event) => {
        event.preventDefault();
        void submit();
      }}
    >
      <Stack>
        <Text size="sm" component="div">
          {text}
        </Text>
        {preview !== undefined && said === undefined && unsaid === undefined && (
          <Loader size="sm" aria-label={previewText.working} />
        )}
        {said !== undefined && <PreviewView preview={said} />}
        {unsaid !== undefined && (
          <Alert color="orange">
            {previewText.unavailable} {unsaid}
          </Alert>
        )}
        {phrase !== undefined && (
          <TextInput
            label={t.typeToConfirm(phrase)}
            value={typed}
            autoComplete="off"
            autoCapitalize="none"
            spellCheck={false}
            required
            onChange={(event) => setTyped(event.currentTarget.value)}
            data-autofocus
          />
        )}
        {reasoned && (
          <TextInput
            label={t.reason}
            placeholder={t.optional}
            maxLength={500}
            value={reason}
            onChange={(event) => setReason(event.currentTarget.value)}
            data-autofocus={phrase === undefined || undefined}
          />
        )}
        {problem !== undefined && (
          <Alert color="red" role="alert">
            {problem}
          </Alert>
        )}
        <Group justify="flex-end">
          <Button variant="default" onClick={close} data-autofocus={!reasoned || undefined}>
            {t.cancel}
          </Button>
          <Button
            type="submit"
            {...(danger ? { color: "red.8" } : {})}
            loading={busy}
            disabled={phrase !== undefined && typed !== phrase}
          >
            {verb}
          </Button>
        </Group>
      </Stack>
    </form>
  );
}
