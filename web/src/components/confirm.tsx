import { Alert, Button, Group, Loader, Stack, Text, TextInput } from "@mantine/core";
import { modals } from "@mantine/modals";
import { type ReactNode, useEffect, useState } from "react";

import { ApiError, changed, type Schemas } from "../api/index.ts";
import { t } from "../text/common.ts";
import { previewText } from "../text/preview.ts";
import { PreviewView } from "./PreviewView.tsx";
import { messageOf, notifyDone } from "./problem.ts";

interface Confirmation {
  title: string;
  /** What will happen, in a sentence or two. */
  text: ReactNode;
  /** What the button says: the verb. */
  verb: string;
  danger?: boolean;
  /** Reads what it would do, where the API can say that. */
  preview?: () => Promise<Schemas["Preview"]>;
  /** Does it; given what was typed as the reason, as headers. */
  action: (headers: { "X-Reason"?: string }) => Promise<unknown>;
  /** Said afterwards; nothing where `onDone` says it. */
  done?: string;
  /** What is proposed as the reason: what was typed before. */
  reason?: string;
  /** For what cannot be undone: this has to be typed first. */
  phrase?: string;
  /** Whether a reason may be given; not for what people do with what is their own. */
  reasoned?: boolean;
  onDone?: () => void;
}

/** Says what will happen, and asks once. */
export function confirm(confirmation: Confirmation): void {
  const id = modals.open({
    title: confirmation.title,
    size: "lg",
    children: <Confirm {...confirmation} close={() => modals.close(id)} />,
  });
}

/** The header with the reason. `fetch` takes a character for each byte, which are those of UTF-8. */
export function reasonHeader(reason: string): { "X-Reason"?: string } {
  const bytes = new TextEncoder().encode(reason.trim());
  return bytes.length === 0 ? {} : { "X-Reason": String.fromCharCode(...bytes) };
}

function Confirm({
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
