import { Button, Modal, Stack, Text } from "@mantine/core";

import { signOut, useSession } from "../../app/session.ts";
import { notifyProblem } from "../../components/problem.ts";
import { sessionText } from "../../text/session.ts";
import { SignInForm } from "./SignInForm.tsx";

/** Over the page as it was, which goes on afterwards. */
export function SessionExpired() {
  const { user } = useSession();
  return (
    <Modal
      opened
      onClose={() => undefined}
      withCloseButton={false}
      closeOnClickOutside={false}
      closeOnEscape={false}
      centered
      title={sessionText.expired}
    >
      <Stack>
        <Text size="sm">{sessionText.expiredText}</Text>
        <SignInForm username={user?.username ?? undefined} />
        <Button variant="subtle" onClick={() => void signOut().catch(notifyProblem)}>
          {sessionText.another}
        </Button>
      </Stack>
    </Modal>
  );
}
