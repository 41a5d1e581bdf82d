/** Dialogs that are opened by a call. What draws them is loaded with the first one. */

import { modals } from "@mantine/modals";
import type { ReactNode } from "react";

type Settings = Omit<Parameters<typeof modals.open>[0], "children" | "modalId">;

let wanted = false;
let count = 0;
const listeners = new Set<() => void>();
let begin: () => void = () => undefined;
const drawn = new Promise<void>((resolve) => {
  begin = resolve;
});

/** For `app/Shell.tsx`, in which they are drawn. */
export const drawing = {
  subscribe: (listener: () => void) => {
    listeners.add(listener);
    return () => listeners.delete(listener);
  },
  isWanted: () => wanted,
  begin: () => begin(),
};

/** Loads what draws dialogs: before something is done whose answer is shown this once. */
export function prepareDialogs(): void {
  wanted = true;
  for (const listener of listeners) {
    listener();
  }
}

/** Opens a dialog with this in it, which is given what closes it and what retitles it; answers what closes it. */
export function openDialog(
  settings: Settings,
  content: (close: () => void, retitle: (title: string) => void) => ReactNode,
): () => void {
  count += 1;
  const modalId = `dialog-${count}`;
  let over = false;
  const close = () => {
    over = true;
    modals.close(modalId);
  };
  const retitle = (title: string) => modals.updateModal({ modalId, title });
  prepareDialogs();
  void drawn.then(() => {
    if (!over) {
      modals.open({ ...settings, modalId, children: content(close, retitle) });
    }
  });
  return close;
}
