import { Modal, Text } from "@mantine/core";
import { useState } from "react";

import { changed } from "../../api/index.ts";
import { EntitySelect } from "../../components/EntitySelect.tsx";
import { Form } from "../../components/Form.tsx";
import { type Because, useReason } from "../../components/reason.ts";
import { useSubmit } from "../../components/useSubmit.ts";
import { devicesText } from "../../text/devices.ts";

const words = devicesText.bulk;

interface Move {
  /** How many devices, in words. */
  what: string;
  onMove: (gateway: string, headers: Because) => Promise<void>;
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
  const reason = useReason();
  const { problem, busy, run } = useSubmit();
  const submit = () =>
    run(async () => {
      if (gateway === null) {
        throw new Error(devicesText.enrol.needed);
      }
      await onMove(gateway, reason.header);
      onClose();
      await changed();
    });
  return (
    <Form
      onSubmit={() => void submit()}
      noValidate
      problem={problem}
      busy={busy}
      verb={words.move}
      onCancel={onClose}
      reason={reason.field}
    >
      <Text size="sm">{words.moveText}</Text>
      <EntitySelect
        kind="gateway"
        label={words.moveTo}
        required
        clearable={false}
        value={gateway}
        onChange={setGateway}
      />
    </Form>
  );
}
