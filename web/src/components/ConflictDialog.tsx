import { Button, Group, Modal, Stack, Table, Text } from "@mantine/core";

import { t } from "../text/common.ts";
import type { Versions } from "./Conflict.tsx";
import { fromLocalInput } from "./localTime.ts";
import { ValueView } from "./ValueView.tsx";

/** A word is not cut in two where there is little room. */
const WHOLE = { overflowWrap: "normal" } as const;

/** A time in a form is as its input has it: there, nobody reads it. */
function readable(field: string, value: unknown): unknown {
  return field.endsWith("_at") && typeof value === "string" ? fromLocalInput(value) : value;
}

/** Somebody else was faster: both versions, and the choice. */
export function ConflictDialog({
  found,
  onMine,
  onTheirs,
  onClose,
  busy,
}: Versions) {
  return (
    <Modal opened={found !== undefined} onClose={onClose} title={t.conflict.title} size="lg">
      <Stack>
        <Text size="sm">{t.conflict.text}</Text>
        <Table withTableBorder fz="sm">
          <Table.Thead>
            <Table.Tr>
              <Table.Th style={WHOLE}>{t.conflict.field}</Table.Th>
              <Table.Th style={WHOLE}>{t.conflict.mine}</Table.Th>
              <Table.Th style={WHOLE}>{t.conflict.theirs}</Table.Th>
            </Table.Tr>
          </Table.Thead>
          <Table.Tbody>
            {found?.map(({ field, label, mine, theirs }) => (
              <Table.Tr key={field}>
                <Table.Th scope="row" style={WHOLE}>{label}</Table.Th>
                <Table.Td>
                  <ValueView field={field} value={readable(field, mine)} />
                </Table.Td>
                <Table.Td>
                  <ValueView field={field} value={readable(field, theirs)} />
                </Table.Td>
              </Table.Tr>
            ))}
          </Table.Tbody>
        </Table>
        <Group justify="flex-end">
          <Button variant="default" onClick={onTheirs}>
            {t.conflict.takeTheirs}
          </Button>
          <Button onClick={onMine} loading={busy}>
            {t.conflict.keepMine}
          </Button>
        </Group>
      </Stack>
    </Modal>
  );
}
