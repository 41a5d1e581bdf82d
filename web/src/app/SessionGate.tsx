import { Button, Center, Loader, Stack, Text } from "@mantine/core";
import { type ReactNode, Suspense, useCallback, useEffect, useRef, useState } from "react";

import { changed, queries } from "../api/index.ts";
import { onDemand } from "../components/onDemand.tsx";
import { t } from "../text/common.ts";
import { sessionText } from "../text/session.ts";
import { start, useSession } from "./session.ts";

// Whoever loads a page is mostly signed in already.
const SignIn = onDemand(() => import("../features/session/SignIn.tsx").then(({ SignIn }) => SignIn));
const ChangeDuePassword = onDemand(() =>
  import("../features/session/ChangeDuePassword.tsx").then(({ ChangeDuePassword }) => ChangeDuePassword),
);
const SessionExpired = onDemand(() =>
  import("../features/session/SessionExpired.tsx").then(({ SessionExpired }) => SessionExpired),
);

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
  const before = useRef(status);
  useEffect(() => {
    // Nobody sees what somebody else was shown.
    if (status === "anonymous") {
      queries.clear();
    }
    // What was refused meanwhile is there again, and the rest may have changed.
    if (before.current === "expired" && status === "signed-in") {
      void changed();
    }
    before.current = status;
  }, [status]);

  if (status === "starting") {
    return unreachable ? (
      <Center mih="100dvh" component="main">
        <Stack align="center" gap="xs">
          <Text fw={600}>{sessionText.unreachable}</Text>
          <Text c="dimmed">{sessionText.unreachableHint}</Text>
          <Button onClick={begin}>{t.retry}</Button>
        </Stack>
      </Center>
    ) : (
      <Starting />
    );
  }
  if (status === "anonymous" || passwordDue) {
    return <Suspense fallback={<Starting />}>{passwordDue ? <ChangeDuePassword /> : <SignIn />}</Suspense>;
  }
  return (
    // Another person's pages begin anew.
    <div key={id}>
      {children}
      {status === "expired" && (
        <Suspense fallback={null}>
          <SessionExpired />
        </Suspense>
      )}
    </div>
  );
}

function Starting() {
  return (
    <Center mih="100dvh" component="main">
      <Loader aria-label={sessionText.starting} />
    </Center>
  );
}
