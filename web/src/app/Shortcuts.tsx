import { useEffect, useState } from "react";
import { useNavigate } from "react-router";

import { dialogOnDemand } from "../components/onDemand.tsx";
import { administration, own } from "./navigation.ts";
import { openDialogs } from "./openDialogs.ts";
import { useAdministers } from "./session.ts";

const ShortcutList = dialogOnDemand(
  () => import("./ShortcutList.tsx").then(({ ShortcutList }) => ShortcutList),
  ({ opened }) => opened,
);

let open: () => void = () => undefined;

export function openShortcuts(): void {
  open();
}

/** A `g` waits so long for the next key, in milliseconds. */
const PATIENCE = 1_500;

function isTyping(target: EventTarget | null): boolean {
  return (
    target instanceof HTMLElement &&
    (target.isContentEditable || /^(INPUT|TEXTAREA|SELECT)$/.test(target.tagName))
  );
}

/** Listens to the keyboard, and lists what it understands. */
export function Shortcuts() {
  const [shown, setShown] = useState(false);
  const navigate = useNavigate();
  const administers = useAdministers();
  open = () => setShown(true);

  useEffect(() => {
    const places = administers ? [...administration, ...own] : own;
    let wentAt = 0;
    const onKey = (event: KeyboardEvent) => {
      const modified = event.ctrlKey || event.metaKey || event.altKey;
      if (modified || isTyping(event.target) || openDialogs().length > 0) {
        return;
      }
      if (Date.now() - wentAt < PATIENCE) {
        wentAt = 0;
        const place = places.find(({ key }) => key === event.key);
        if (place !== undefined) {
          event.preventDefault();
          navigate(place.to);
        }
        return;
      }
      if (event.key === "g") {
        wentAt = Date.now();
      } else if (event.key === "?") {
        setShown(true);
      } else if (event.key === "/") {
        event.preventDefault();
        document.querySelector<HTMLInputElement>("[data-search]")?.focus();
      } else if (event.key === "c") {
        // The page's own way to create: a button or a link.
        document.querySelector<HTMLElement>("[data-create]")?.click();
      }
    };
    document.addEventListener("keydown", onKey);
    return () => document.removeEventListener("keydown", onKey);
  }, [navigate, administers]);

  return <ShortcutList opened={shown} onClose={() => setShown(false)} />;
}
