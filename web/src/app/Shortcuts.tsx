import { Group, Kbd, Modal, Stack, Text } from "@mantine/core";
import { useEffect, useState } from "react";
import { useNavigate } from "react-router";

import { t } from "../text/common.ts";
import { administration, own } from "./navigation.ts";
import { useMayChange, useSession } from "./session.ts";

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
  const mayChange = useMayChange();
  const administers = useSession().user?.role !== "user";
  open = () => setShown(true);

  useEffect(() => {
    const places = administers ? [...administration, ...own] : own;
    let wentAt = 0;
    const onKey = (event: KeyboardEvent) => {
      const modified = event.ctrlKey || event.metaKey || event.altKey;
      if (modified || isTyping(event.target) || document.querySelector("[aria-modal=true]")) {
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

  const rows: [string[], string][] = [
    ...(administers ? [[["Ctrl", "K"], t.shortcuts.palette] as [string[], string]] : []),
    [["?"], t.shortcuts.help],
    [["/"], t.shortcuts.search],
    ...(mayChange ? [[["c"], t.shortcuts.create] as [string[], string]] : []),
    ...(administers ? [...administration, ...own] : own).flatMap(({ key, label }) =>
      key === undefined ? [] : [[["g", key], t.shortcuts.go(label)] as [string[], string]],
    ),
  ];
  return (
    <Modal opened={shown} onClose={() => setShown(false)} title={t.shortcuts.title}>
      <Stack gap="xs">
        {rows.map(([keys, what]) => (
          <Group key={what} justify="space-between">
            <Text size="sm">{what}</Text>
            <Group gap={4}>
              {keys.map((key) => (
                <Kbd key={key}>{key}</Kbd>
              ))}
            </Group>
          </Group>
        ))}
      </Stack>
    </Modal>
  );
}
