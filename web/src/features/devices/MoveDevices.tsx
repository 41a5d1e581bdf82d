import { Alert, Button, Group, Modal, Stack, Text, TextInput } from "@mantine/core";
import { useState } from "react";

import { changed } from "../../api/index.ts";
import { reasonHeader } from "../../components/confirm.tsx";
import { EntitySelect } from "../../components/EntitySelect.tsx";
import { messageOf } from "../../components/problem.ts";
import { t } from "../../text/common.ts";
import { devicesText } from "../../text/devices.ts";

const words = devicesText.bulk;

interface Move {
  /** How many devices, in words. */
  what: string;
  onMove: (gateway: string, headers: { "X-Reason"?: string }) => Promise<void>;
  onClose: () => void;
}

/** Asks to which gateway devices go, and says what that means for them. */
export function MoveDevices({ opened, ...move }: Move & { opened: boolean }) {
  return (
    <Modal
      opened={opened}
      onClose={move.onClose}
      title={words.moveTitle(move.what)}
    >
      <Form {...move} />
    </Modal>
  );
}

function Form({ onMove, onClose }: Move) {
  const [gateway, setGateway] = useState<string | null>(null);
  const [reason, setReason] = useState("");
  const [problem, setProblem] = useState<string>();
  const [busy, setBusy] = useState(false);
  const submit = async () => {
    if (gateway === null) {
      setProblem(devicesText.enrol.needed);
      return;
    }
    setBusy(true);
    setProblem(undefined);
    try {
      await onMove(gateway, reasonHeader(reason));
      onClose();
      await changed();
    } catch (error) {
      setProblem(messageOf(error));
    } finally {
      setBusy(false);
    }
  };
  return (
    <form
      noValidate
      onSubmit={(event) => {
        event.preventDefault();
        void submit();
      }}
    >
      <Stack>
        <Text size="sm">{words.moveText}</Text>
        <EntitySelect
          kind="gateway"
          label={words.moveTo}
          required
          clearable={false}
          value={gateway}
          onChange={setGateway}
        />
        <TextInput
          label={t.reason}
          placeholder={t.optional}
          maxLength={500}
          value={reason}
          onChange={(event) => setReason(event.currentTarget.value)}
        />
        {problem !== undefined && (
          <Alert color="red" role="alert">
            {problem}
          </Alert>
        )}
        <Group justify="flex-end">
          <Button variant="default" onClick={onClose}>
            {t.cancel}
          </Button>
          <Button type="submit" loading={busy}>
            {words.move}
          </Button>
        </Group>
      </Stack>
    </form>
  );
}
