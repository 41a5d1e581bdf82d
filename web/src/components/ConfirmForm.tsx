import { Alert, Loader, Text, TextInput } from "@mantine/core";
import { useEffect, useState } from "react";

import { ApiError, changed } from "../api/index.ts";
import { t } from "../text/common.ts";
import { previewText } from "../text/preview.ts";
import type { Confirmation } from "./confirm.tsx";
import { Form } from "./Form.tsx";
import type { PreviewOfMany } from "./previewOfMany.ts";
import { PreviewView } from "./PreviewView.tsx";
import { Refused } from "./Refused.tsx";
import { messageOf, notifyDone } from "./problem.ts";
import { useReason } from "./reason.ts";
import { useSubmit } from "./useSubmit.ts";

/** Says what will happen, takes a reason, and does it. */
export function ConfirmForm({
  text,
  verb,
  danger,
  preview,
  nameOf,
  action,
  done,
  reason: proposed = "",
  phrase,
  reasoned = true,
  onDone,
  close,
}: Confirmation & { close: () => void }) {
  const [typed, setTyped] = useState("");
  const reason = useReason(proposed);
  const { problem, busy, run } = useSubmit((error) => {
    if (error instanceof ApiError && error.status === 412) {
      // The page below shows what it has become meanwhile.
      void changed();
    }
    return messageOf(error);
  });
  const [said, setSaid] = useState<PreviewOfMany>();
  const [unsaid, setUnsaid] = useState<string>();
  useEffect(() => {
    preview?.()
      .then(setSaid)
      .catch((error: unknown) => setUnsaid(messageOf(error)));
    // What it would do is worked out once, for the moment at which one asks.
  }, []);

  const submit = () =>
    run(async () => {
      await action(reason.header);
      close();
      if (done !== undefined) {
        notifyDone(done);
      }
      onDone?.();
      await changed();
    });

  return (
    <Form
      onSubmit={() => void submit()}
      problem={problem}
      busy={busy}
      verb={verb}
      danger={danger ?? false}
      disabled={phrase !== undefined && typed !== phrase}
      onCancel={close}
      calm={!reasoned}
      reason={reasoned ? { ...reason.field, first: phrase === undefined } : undefined}
    >
      <Text size="sm" component="div">
        {text}
      </Text>
      {preview !== undefined && said === undefined && unsaid === undefined && (
        <Loader size="sm" aria-label={previewText.working} />
      )}
      {nameOf !== undefined && <Refused of={said?.refused ?? []} nameOf={nameOf} />}
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
    </Form>
  );
}
