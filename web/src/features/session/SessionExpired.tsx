import { Button, Modal, Stack, Text } from "@mantine/core";

import { signOut, useSession } from "../../app/session.ts";
import { t } from "../../text/index.ts";
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
      title={t.session.expired}
    >
      <Stack>
        <Text size="sm">{t.session.expiredText}</Text>
        <SignInForm username={user?.username ?? undefined} />
        <Button variant="subtle" onClick={() => void signOut().catch(() => undefined)}>
          {t.session.another}
        </Button>
      </Stack>
    </Modal>
  );
}
