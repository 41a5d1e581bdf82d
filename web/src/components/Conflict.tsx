import { Button, Group, Modal, Stack, Table, Text } from "@mantine/core";

import { t } from "../text/common.ts";
import { ValueView } from "./ValueView.tsx";

/** A field whose two versions differ. */
export interface Difference {
  readonly label: string;
  readonly mine: unknown;
  readonly theirs: unknown;
}

/** Whether two values of a field say the same. */
export function sameValue(one: unknown, other: unknown): boolean {
  return JSON.stringify(one ?? null) === JSON.stringify(other ?? null);
}

/** Which of these fields differ. */
export function differences(
  labels: Readonly<Record<string, string>>,
  mine: Readonly<Record<string, unknown>>,
  theirs: Readonly<Record<string, unknown>>,
): Difference[] {
  return Object.entries(labels)
    .map(([field, label]) => ({ label, mine: mine[field], theirs: theirs[field] }))
    .filter(({ mine, theirs }) => !sameValue(mine, theirs));
}

/** Somebody else was faster: both versions, and the choice. */
export function Conflict({
  found,
  onMine,
  onTheirs,
  onClose,
  busy,
}: {
  /** Nothing is shown without. */
  found: readonly Difference[] | undefined;
  onMine: () => void;
  onTheirs: () => void;
  onClose: () => void;
  busy: boolean;
}) {
  return (
    <Modal opened={found !== undefined} onClose={onClose} title={t.conflict.title} size="lg">
      <Stack>
        <Text size="sm">{t.conflict.text}</Text>
        <Table withTableBorder fz="sm">
          <Table.Thead>
            <Table.Tr>
              <Table.Th>{t.conflict.field}</Table.Th>
              <Table.Th>{t.conflict.mine}</Table.Th>
              <Table.Th>{t.conflict.theirs}</Table.Th>
            </Table.Tr>
          </Table.Thead>
          <Table.Tbody>
            {found?.map(({ label, mine, theirs }) => (
              <Table.Tr key={label}>
                <Table.Th scope="row">{label}</Table.Th>
                <Table.Td>
                  <ValueView value={mine} />
                </Table.Td>
                <Table.Td>
                  <ValueView value={theirs} />
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
