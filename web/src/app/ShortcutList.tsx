import { Group, Kbd, Modal, Stack, Text } from "@mantine/core";

import { t } from "../text/common.ts";
import { administration, own } from "./navigation.ts";
import { useAdministers, useMayChange } from "./session.ts";

/** What the keyboard understands. */
export function ShortcutList({ opened, onClose }: { opened: boolean; onClose: () => void }) {
  const mayChange = useMayChange();
  const administers = useAdministers();
  const rows: [string[], string][] = [
    [["Ctrl", "K"], administers ? t.shortcuts.palette : t.jump],
    [["?"], t.shortcuts.help],
    [["/"], t.shortcuts.search],
    ...(mayChange ? [[["c"], t.shortcuts.create] as [string[], string]] : []),
    ...(administers ? [...administration, ...own] : own).flatMap(({ key, label }) =>
      key === undefined ? [] : [[["g", key], t.shortcuts.go(label)] as [string[], string]],
    ),
  ];
  return (
    <Modal opened={opened} onClose={onClose} title={t.shortcuts.title}>
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
