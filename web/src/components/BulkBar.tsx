import { Button, Group, Paper, Text } from "@mantine/core";
import type { ReactNode } from "react";

import { t } from "../text/common.ts";

/** What can be done with the selected rows. */
export function BulkBar({ n, onClear, children }: { n: number; onClear: () => void; children: ReactNode }) {
  if (n === 0) {
    return null;
  }
  return (
    <Paper withBorder p="xs" mb="sm" role="region" aria-label={t.selected(n)}>
      <Group gap="xs">
        <Text size="sm" fw={600} role="status">
          {t.selected(n)}
        </Text>
        {children}
        <Button size="xs" variant="subtle" onClick={onClear}>
          {t.clearSelection}
        </Button>
      </Group>
    </Paper>
  );
}
