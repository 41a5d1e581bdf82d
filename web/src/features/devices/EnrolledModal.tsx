import { Alert, Button, Group, Modal, Stack } from "@mantine/core";
import { useState } from "react";

import { t } from "../../text/common.ts";
import { devicesText } from "../../text/devices.ts";
import { Enrolled } from "./Enrolled.tsx";
import { type EnrolAnswer, holdsSecret } from "./enrolment.ts";

const words = devicesText.enrolled;

/** What is shown this once, in a dialog that asks before it is lost. */
export function EnrolledModal({
  answer,
  platform,
  title,
  onClose,
}: {
  /** Nothing is shown without. */
  answer: EnrolAnswer | undefined;
  platform: string;
  title: string;
  onClose: () => void;
}) {
  const [asking, setAsking] = useState(false);
  const secret = answer !== undefined && holdsSecret(answer);
  const close = () => {
    setAsking(false);
    onClose();
  };
  return (
    <Modal
      opened={answer !== undefined}
      onClose={() => (secret ? setAsking(!asking) : close())}
      closeOnClickOutside={false}
      title={title}
      size="lg"
    >
      <Stack>
        {asking && (
          <Alert color="red" role="alert" title={words.closing}>
            <Group gap="xs">
              <Button size="xs" variant="default" onClick={() => setAsking(false)}>
                {words.stay}
              </Button>
              <Button size="xs" color="red.8" onClick={close}>
                {words.closeAnyway}
              </Button>
            </Group>
          </Alert>
        )}
        {answer !== undefined && <Enrolled answer={answer} platform={platform} />}
        <Group justify="flex-end">
          <Button onClick={close}>{secret ? words.kept : t.close}</Button>
        </Group>
      </Stack>
    </Modal>
  );
}
