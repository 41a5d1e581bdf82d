import { Button, Text } from "@mantine/core";

import { passwordChanged, signOut } from "../../app/session.ts";
import { notifyProblem } from "../../components/problem.ts";
import { sessionText } from "../../text/session.ts";
import { PasswordForm } from "./PasswordForm.tsx";

/** What somebody is asked whose password was made by somebody else. */
export function DuePassword() {
  return (
    <>
      <Text size="sm">{sessionText.dueText}</Text>
      <PasswordForm onDone={passwordChanged} />
      <Button variant="subtle" onClick={() => void signOut().catch(notifyProblem)}>
        {sessionText.signOut}
      </Button>
    </>
  );
}
