import { Alert, Button, Group, Modal, type ModalProps, Stack } from "@mantine/core";
import { useEffect, useState } from "react";

import { t } from "../text/common.ts";

/** A dialog for what is shown this once: it asks before that is lost. */
export function OnceModal({
  holds,
  closing,
  opened,
  onClose,
  children,
  ...rest
}: Omit<ModalProps, "closeOnClickOutside"> & {
  /** Whether it shows what nobody is shown again. */
  holds: boolean;
  /** What it asks then. */
  closing: string;
}) {
  const [asking, setAsking] = useState(false);
  useEffect(() => {
    setAsking(false);
  }, [opened, holds]);
  return (
    <Modal
      {...rest}
      opened={opened}
      onClose={() => (holds ? setAsking(!asking) : onClose())}
      closeOnClickOutside={false}
    >
      <Stack>
        {asking && (
          <Alert color="red" role="alert" title={closing}>
            <Group gap="xs">
              <Button size="xs" variant="default" onClick={() => setAsking(false)}>
                {t.oneTimeStay}
              </Button>
              <Button size="xs" color="red.8" onClick={onClose}>
                {t.close}
              </Button>
            </Group>
          </Alert>
        )}
        {children}
      </Stack>
    </Modal>
  );
}
