import { Button, Center, Loader, Stack, Text } from "@mantine/core";
import { type ReactNode, useCallback, useEffect, useState } from "react";

import { queries } from "../api/index.ts";
import { ChangeDuePassword } from "../features/session/ChangeDuePassword.tsx";
import { SessionExpired } from "../features/session/SessionExpired.tsx";
import { SignIn } from "../features/session/SignIn.tsx";
import { t } from "../text/common.ts";
import { sessionText } from "../text/session.ts";
import { start, useSession } from "./session.ts";

/** Lets those in who are signed in, and keeps the page where a session has ended. */
export function SessionGate({ children }: { children: ReactNode }) {
  const { status, user, passwordDue } = useSession();
  const [unreachable, setUnreachable] = useState(false);
  const begin = useCallback(() => {
    setUnreachable(false);
    start().catch(() => setUnreachable(true));
  }, []);
  useEffect(begin, [begin]);
  const id = user?.id;
  useEffect(() => {
    // Nobody sees what somebody else was shown.
    if (status === "anonymous") {
      queries.clear();
    }
  }, [status]);

  if (status === "starting") {
    return (
      <Center mih="100dvh" component="main">
        {unreachable ? (
          <Stack align="center" gap="xs">
            <Text fw={600}>{sessionText.unreachable}</Text>
            <Text c="dimmed">{sessionText.unreachableHint}</Text>
            <Button onClick={begin}>{t.retry}</Button>
          </Stack>
        ) : (
          <Loader aria-label={sessionText.starting} />
        )}
      </Center>
    );
  }
  if (status === "anonymous") {
    return <SignIn />;
  }
  if (passwordDue) {
    return <ChangeDuePassword />;
  }
  return (
    // Another person's pages begin anew.
    <div key={id}>
      {children}
      {status === "expired" && <SessionExpired />}
    </div>
  );
}
