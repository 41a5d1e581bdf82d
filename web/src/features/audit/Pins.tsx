import { Button, Group, Modal, Stack, Table, Text, Textarea } from "@mantine/core";
import { useForm } from "@mantine/form";
import { useDisclosure } from "@mantine/hooks";
import { useState } from "react";

import { changed, client } from "../../api/index.ts";
import { useNames } from "../../components/entityNames.ts";
import { Empty } from "../../components/Empty.tsx";
import { Loaded } from "../../components/Loaded.tsx";
import { messageOf, notifyDone, notifyProblem, takeErrors } from "../../components/problem.ts";
import { Time } from "../../components/Time.tsx";
import { LOCALE } from "../../text/locale.ts";
import { verifyText } from "../../text/verify.ts";
import { Finding } from "./Findings.tsx";
import { readCheckpoint } from "./note.ts";
import { usePins } from "./useChecked.ts";
import type { Checked } from "./verify.ts";

const words = verifyText.pins;

async function pin(note: string): Promise<void> {
  await client.POST("/admin/audit/pins", { body: { note } });
  notifyDone(words.pinned);
  await changed();
}

/** The pinned checkpoints, each compared with the log by this browser. Auditors pin too. */
export function Pins({ checked }: { checked: Checked }) {
  const query = usePins(checked.log.verifier);
  const names = useNames("user", [...new Set(query.data?.items.map(({ pin }) => pin.pinned_by))]);
  const [busy, setBusy] = useState(false);
  const [comparing, { open, close }] = useDisclosure(false);
  const pinPresent = () => {
    setBusy(true);
    pin(checked.note)
      .catch(notifyProblem)
      .finally(() => setBusy(false));
  };
  return (
    <Stack gap="sm">
      <Text size="sm" c="dimmed">
        {words.text}
      </Text>
      <Group gap="sm">
        <Button onClick={pinPresent} loading={busy} data-create>
          {words.pin}
        </Button>
        <Button variant="default" onClick={open}>
          {words.compare}
        </Button>
      </Group>
      <Loaded query={query}>
        {({ items, more }) =>
          items.length === 0 ? (
            <Empty title={words.none} text={words.noneText} />
          ) : (
            <>
              <Table.ScrollContainer minWidth={0} type="native" tabIndex={0} role="region" aria-label={words.label}>
                <Table fz="sm" aria-label={words.label}>
                  <Table.Thead>
                    <Table.Tr>
                      <Table.Th ta="right">{words.upTo}</Table.Th>
                      <Table.Th>{words.verdict}</Table.Th>
                      <Table.Th>{words.at}</Table.Th>
                      <Table.Th visibleFrom="sm">{words.by}</Table.Th>
                    </Table.Tr>
                  </Table.Thead>
                  <Table.Tbody>
                    {items.map(({ pin, holds }) => (
                      <Table.Tr key={pin.note}>
                        <Table.Td ta="right" className="nums">
                          {pin.tree.size.toLocaleString(LOCALE)}
                        </Table.Td>
                        <Table.Td>
                          <Finding found={holds ? "good" : "bad"}>{holds ? words.continues : words.not}</Finding>
                        </Table.Td>
                        <Table.Td>
                          <Time at={pin.pinned_at} ago />
                        </Table.Td>
                        <Table.Td visibleFrom="sm">{names.get(pin.pinned_by)}</Table.Td>
                      </Table.Tr>
                    ))}
                  </Table.Tbody>
                </Table>
              </Table.ScrollContainer>
              {more && (
                <Text size="sm" c="dimmed">
                  {words.more}
                </Text>
              )}
            </>
          )
        }
      </Loaded>
      <Modal opened={comparing} onClose={close} title={words.compare} size="lg">
        <Compare onDone={close} />
      </Modal>
    </Stack>
  );
}

function Compare({ onDone }: { onDone: () => void }) {
  const form = useForm({
    mode: "uncontrolled",
    initialValues: { note: "" },
    validate: { note: (note) => (readCheckpoint(whole(note)) === undefined ? words.noNote : null) },
  });
  const [problem, setProblem] = useState<string>();
  const [busy, setBusy] = useState(false);
  const submit = form.onSubmit(async ({ note }) => {
    setBusy(true);
    setProblem(undefined);
    try {
      await pin(whole(note));
      onDone();
    } catch (error) {
      setProblem(takeErrors(form, error) ?? messageOf(error));
    } finally {
      setBusy(false);
    }
  });
  return (
    <form onSubmit={submit}>
      <Stack>
        <Textarea
          label={words.note}
          description={words.compareHint}
          autosize
          minRows={5}
          styles={{ input: { fontFamily: "var(--mantine-font-family-monospace)" } }}
          spellCheck={false}
          data-autofocus
          {...form.getInputProps("note")}
        />
        {problem !== undefined && (
          <Text size="sm" c="red" role="alert">
            {problem}
          </Text>
        )}
        <Group justify="flex-end">
          <Button type="submit" loading={busy}>
            {words.submit}
          </Button>
        </Group>
      </Stack>
    </form>
  );
}

/** What was pasted with the line ends of notes, and the last one that pasting often loses. */
function whole(note: string): string {
  return `${note.replaceAll("\r\n", "\n").trim()}\n`;
}
