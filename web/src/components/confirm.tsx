import type { ReactNode } from "react";

import { t } from "../text/common.ts";
import { openDialog } from "./dialogs.ts";
import type { PreviewOfMany } from "./previewOfMany.ts";
import { notifyProblem } from "./problem.ts";
import type { Because } from "./reason.ts";

export interface Confirmation {
  title: string;
  /** What will happen, in a sentence or two. */
  text: ReactNode;
  /** What the button says: the verb. */
  verb: string;
  danger?: boolean;
  /** Reads what it would do, where the API can say that. */
  preview?: () => Promise<PreviewOfMany>;
  /** What those are called of which it would be refused. */
  nameOf?: (id: string) => ReactNode;
  /** Does it; given what was typed as the reason, as headers. */
  action: (headers: Because) => Promise<unknown>;
  /** Said afterwards; nothing where `onDone` says it. */
  done?: string;
  /** What is proposed as the reason: what was typed before. */
  reason?: string;
  /** For what cannot be undone: this has to be typed first. */
  phrase?: string;
  /** Whether a reason may be given; not for what people do with what is their own. */
  reasoned?: boolean;
  onDone?: () => void;
  /** Reads what it is done to, and asks again: for where somebody else has changed that meanwhile. */
  again?: () => Promise<Confirmation>;
}

/** Confirms what is done to something as it is; where others have changed it, what it is by then. */
export function confirmOf<T>(now: T, read: () => Promise<T>, ask: (now: T) => Confirmation): void {
  const asked = (one: T): Confirmation => ({ ...ask(one), again: async () => asked(await read()) });
  confirm(asked(now));
}

/** Says what will happen, and asks once. */
export function confirm(confirmation: Confirmation): void {
  import("./ConfirmForm.tsx").then(
    ({ ConfirmForm }) =>
      openDialog({ title: confirmation.title, size: "lg" }, (close, retitle) => (
        <ConfirmForm start={confirmation} close={close} retitle={retitle} />
      )),
    () => notifyProblem(new Error(t.problem.notLoaded)),
  );
}
