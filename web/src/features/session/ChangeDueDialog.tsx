import { Modal, Stack } from "@mantine/core";

import { sessionText } from "../../text/session.ts";
import { DuePassword } from "./DuePassword.tsx";

/** For whoever had a page open before the password was made anew: it goes on afterwards. */
export function ChangeDueDialog() {
  return (
    <Modal
      opened
      onClose={() => undefined}
      withCloseButton={false}
      closeOnClickOutside={false}
      closeOnEscape={false}
      centered
      title={sessionText.due}
    >
      <Stack>
        <DuePassword />
      </Stack>
    </Modal>
  );
}
