import { type RefObject, useEffect } from "react";

import { openDialogs } from "./openDialogs.ts";

/** After so many milliseconds whatever closes has given the focus back, where it does so itself. */
const SETTLED = 50;
const FOCUSABLE = "a[href], button:enabled, input:enabled, select:enabled, textarea:enabled, [tabindex='0']";

/**
 * Gives the focus back where what had it is gone: a dialog that was opened from a menu, a row that
 * was deleted, a button that can no longer be pressed. Otherwise whoever uses the keyboard would
 * begin at the top of the page again.
 */
export function useFocusKept(page: RefObject<HTMLElement | null>): void {
  useEffect(() => {
    // What of the page had the focus last, and what it lies in; dialogs and menus lie elsewhere.
    let last: HTMLElement | undefined;
    let trail: Element[] = [];
    let timer: ReturnType<typeof setTimeout> | undefined;
    const onFocus = ({ target }: FocusEvent) => {
      if (!(target instanceof HTMLElement) || !page.current?.contains(target)) {
        return;
      }
      last = target;
      trail = [];
      for (let up = target.parentElement; up !== null && up !== page.current && page.current.contains(up); up = up.parentElement) {
        trail.push(up);
      }
    };
    // Who clicks beside everything wants nothing to have the focus.
    const onPointer = () => {
      last = undefined;
    };
    const giveBack = () => {
      // The browser's own bars may have it.
      const lost = document.hasFocus() && [null, document.body].includes(document.activeElement as HTMLElement | null);
      if (!lost || last === undefined || openDialogs().length > 0) {
        return;
      }
      const near = trail.find((one) => one.isConnected)?.querySelector<HTMLElement>(FOCUSABLE);
      for (const place of [last, near, page.current]) {
        place?.focus({ preventScroll: true });
        if (document.activeElement === place) {
          return;
        }
      }
    };
    const observer = new MutationObserver(() => {
      clearTimeout(timer);
      timer = setTimeout(giveBack, SETTLED);
    });
    observer.observe(document.body, { childList: true, subtree: true, attributes: true, attributeFilter: ["disabled"] });
    document.addEventListener("focusin", onFocus);
    document.addEventListener("pointerdown", onPointer);
    return () => {
      clearTimeout(timer);
      observer.disconnect();
      document.removeEventListener("focusin", onFocus);
      document.removeEventListener("pointerdown", onPointer);
    };
  }, [page]);
}
