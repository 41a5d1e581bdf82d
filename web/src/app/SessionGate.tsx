import { Button, Center, Loader, Stack, Text } from "@mantine/core";
import { type ReactNode, Suspense, useCallback, useEffect, useRef, useState } from "react";

import { changed } from "../api/index.ts";
import { onDemand } from "../components/onDemand.tsx";
import { t } from "../text/common.ts";
import { sessionText } from "../text/session.ts";
import { start, useSession } from "./session.ts";

// Whoever loads a page is mostly signed in already.
const SignIn = onDemand(() => import("../features/session/SignIn.tsx").then(({ SignIn }) => SignIn));
const ChangeDuePassword = onDemand(() =>
  import("../features/session/ChangeDuePassword.tsx").then(({ ChangeDuePassword }) => ChangeDuePassword),
);
const ChangeDueDialog = onDemand(() =>
  import("../features/session/ChangeDueDialog.tsx").then(({ ChangeDueDialog }) => ChangeDueDialog),
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
  // Whose pages are open: they stay, whatever is asked for over them.
  const [last, setLast] = useState<string>();
  const open = status === "anonymous" ? undefined : status === "signed-in" && !passwordDue ? id : last;
  if (open !== last) {
    setLast(open);
  }
  const inside = open !== undefined && open === id;
  const asked = inside && (status === "expired" || passwordDue);
  const before = useRef(asked);
  useEffect(() => {
    // What was refused meanwhile is there again, and the rest may have changed.
    if (before.current && !asked) {
      void changed();
    }
    before.current = asked;
  }, [asked]);

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
  if (!inside) {
    return <Suspense fallback={<Starting />}>{passwordDue ? <ChangeDuePassword /> : <SignIn />}</Suspense>;
  }
  return (
    // Another person's pages begin anew.
    <div key={id}>
      {children}
      {asked && (
        <Suspense fallback={null}>{passwordDue ? <ChangeDueDialog /> : <SessionExpired />}</Suspense>
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
