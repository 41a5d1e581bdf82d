import { Alert, Button, Group, Modal, type ModalProps, Stack } from "@mantine/core";
import { type ReactNode, useEffect, useState } from "react";
import { useBlocker } from "react-router";

import { t } from "../text/common.ts";
import { useUnloadGuard } from "./useUnloadGuard.ts";

/** Does it, once it was asked about where something would be lost. */
type Leave = (then: () => void) => void;

/** A dialog for what is shown this once: it asks before that is lost, however one leaves. */
export function OnceModal({
  holds,
  closing,
  opened,
  onClose,
  children,
  ...rest
}: Omit<ModalProps, "closeOnClickOutside" | "children"> & {
  /** Whether it shows what nobody is shown again. */
  holds: boolean;
  /** What it asks then. */
  closing: string;
  /** Given what asks, for what in it leads elsewhere. */
  children: ReactNode | ((leave: Leave) => ReactNode);
}) {
  const [asked, setAsked] = useState<{ then: () => void; stay?: () => void }>();
  useEffect(() => {
    setAsked(undefined);
  }, [opened, holds]);
  const stay = () => {
    asked?.stay?.();
    setAsked(undefined);
  };
  const leave: Leave = (then) => (holds ? setAsked({ then }) : then());
  return (
    <Modal
      {...rest}
      opened={opened}
      onClose={() => (asked === undefined ? leave(onClose) : stay())}
      closeOnClickOutside={false}
    >
      <Stack>
        {opened && holds && (
          <Guard
            onLeave={(proceed, reset) =>
              setAsked({
                then: () => {
                  onClose();
                  proceed();
                },
                stay: reset,
              })
            }
          />
        )}
        {asked !== undefined && (
          <Alert color="red" role="alert" title={closing}>
            <Group gap="xs">
              <Button size="xs" variant="default" onClick={stay}>
                {t.oneTimeStay}
              </Button>
              <Button size="xs" color="red.8" onClick={asked.then}>
                {t.close}
              </Button>
            </Group>
          </Alert>
        )}
        {typeof children === "function" ? children(leave) : children}
      </Stack>
    </Modal>
  );
}

const always = () => true;

/** Keeps the page from being left. The router knows of one at a time: it is there only where there is something to lose. */
function Guard({ onLeave }: { onLeave: (proceed: () => void, reset: () => void) => void }) {
  useUnloadGuard();
  const blocker = useBlocker(always);
  useEffect(() => {
    if (blocker.state === "blocked") {
      onLeave(blocker.proceed, blocker.reset);
    }
  }, [blocker.state]);
  return null;
}
