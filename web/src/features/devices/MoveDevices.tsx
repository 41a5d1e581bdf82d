import { Modal, Text, TextInput } from "@mantine/core";
import { useState } from "react";

import { changed } from "../../api/index.ts";
import { reasonHeader } from "../../components/confirm.tsx";
import { EntitySelect } from "../../components/EntitySelect.tsx";
import { Form } from "../../components/Form.tsx";
import { useSubmit } from "../../components/useSubmit.ts";
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
      <Fields {...move} />
    </Modal>
  );
}

function Fields({ onMove, onClose }: Move) {
  const [gateway, setGateway] = useState<string | null>(null);
  const [reason, setReason] = useState("");
  const { problem, busy, run } = useSubmit();
  const submit = () =>
    run(async () => {
      if (gateway === null) {
        throw new Error(devicesText.enrol.needed);
      }
      await onMove(gateway, reasonHeader(reason));
      onClose();
      await changed();
    });
  return (
    <Form onSubmit={() => void submit()} noValidate problem={problem} busy={busy} verb={words.move} onCancel={onClose}>
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
    </Form>
  );
}
