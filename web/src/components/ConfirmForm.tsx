import { Alert, Loader, Text, TextInput } from "@mantine/core";
import { useEffect, useState } from "react";

import { changed } from "../api/index.ts";
import { t } from "../text/common.ts";
import { previewText } from "../text/preview.ts";
import type { Confirmation } from "./confirm.tsx";
import { Form } from "./Form.tsx";
import { Overtaken } from "./Overtaken.tsx";
import type { PreviewOfMany } from "./previewOfMany.ts";
import { PreviewView } from "./PreviewView.tsx";
import { Refused } from "./Refused.tsx";
import { messageOf, notifyDone } from "./problem.ts";
import { useReason } from "./reason.ts";
import { useNewest } from "./useNewest.ts";
import { useSubmit } from "./useSubmit.ts";

/** Says what will happen, takes a reason, and does it. */
export function ConfirmForm({
  start,
  close,
  retitle,
}: {
  start: Confirmation;
  close: () => void;
  retitle: (title: string) => void;
}) {
  const { now, overtaken, attempt } = useNewest(start, ({ again }) => again?.());
  const { title, text, verb, danger = false, preview, nameOf, done, phrase, reasoned = true, onDone } = now;
  const [typed, setTyped] = useState("");
  const reason = useReason(now.reason);
  const { problem, busy, run } = useSubmit();
  const [said, setSaid] = useState<PreviewOfMany>();
  const [unsaid, setUnsaid] = useState<string>();
  const working = preview !== undefined && said === undefined && unsaid === undefined;
  useEffect(() => {
    let asked = true;
    setSaid(undefined);
    setUnsaid(undefined);
    const look = async () => {
      const answer = await preview?.();
      if (asked) {
        setSaid(answer);
      }
    };
    // The page may have been older than what it asks about; whether it is once more, the button finds out.
    (overtaken ? look() : attempt(look)).catch((error: unknown) => asked && setUnsaid(messageOf(error)));
    return () => {
      asked = false;
    };
    // What it would do is worked out once, for the moment at which one asks.
  }, [now]);
  useEffect(() => {
    if (overtaken) {
      retitle(title);
    }
  }, [overtaken, title]);

  const submit = () =>
    run(async () => {
      if (!(await attempt(({ action }) => action(reason.header)))) {
        return;
      }
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
      verb={overtaken ? t.conflict.allTheSame : verb}
      danger={danger}
      // Nobody goes through with what they have not seen.
      disabled={(phrase !== undefined && typed !== phrase) || working}
      onCancel={close}
      calm={!reasoned}
      reason={reasoned ? { ...reason.field, first: phrase === undefined } : undefined}
    >
      <Overtaken by={overtaken} />
      <Text size="sm" component="div">
        {text}
      </Text>
      {working && <Loader size="sm" aria-label={previewText.working} />}
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
