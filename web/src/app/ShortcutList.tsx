import { Group, Kbd, Modal, Stack, Text } from "@mantine/core";

import { t } from "../text/common.ts";
import { administration, own } from "./navigation.ts";
import { useMayChange, useSession } from "./session.ts";

/** What the keyboard understands. */
export function ShortcutList({ opened, onClose }: { opened: boolean; onClose: () => void }) {
  const mayChange = useMayChange();
  const administers = useSession().user?.role !== "user";
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
