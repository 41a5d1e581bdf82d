/** The dialogs that lie over the page, the topmost last. */
export function openDialogs(): HTMLElement[] {
  return [...document.querySelectorAll<HTMLElement>("[aria-modal=true]")];
}

const CROSS = ".mantine-Modal-close, .mantine-Drawer-close";

/**
 * Escape closes one dialog, the topmost. Each of Mantine's listens by itself, so that the form
 * below a question would go with it. To be called before any dialog is opened: whoever listens
 * first can keep it from the others.
 */
export function closeOneByOne(): void {
  const onKey = (event: KeyboardEvent) => {
    const open = openDialogs();
    // A list that is unfolded takes Escape for itself.
    const taken = event.target instanceof HTMLElement && event.target.dataset["mantineStopPropagation"] === "true";
    if (event.key !== "Escape" || event.isComposing || taken || open.length < 2) {
      return;
    }
    event.preventDefault();
    event.stopImmediatePropagation();
    // One that has no cross is not to be closed.
    open.at(-1)?.querySelector<HTMLElement>(CROSS)?.click();
  };
  addEventListener("keydown", onKey, { capture: true });
}
