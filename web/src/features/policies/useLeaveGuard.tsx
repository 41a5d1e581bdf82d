import { Button, Group, Stack, Text } from "@mantine/core";
import { useEffect } from "react";
import { useBlocker } from "react-router";

import { openDialog } from "../../components/dialogs.ts";
import { policiesText } from "../../text/policies.ts";

const words = policiesText.leave;

/** Asks before a page is left with something that is not saved. Its own tabs may be changed freely. */
export function useLeaveGuard(dirty: () => boolean): void {
  const blocker = useBlocker(
    ({ currentLocation, nextLocation }) => dirty() && currentLocation.pathname !== nextLocation.pathname,
  );
  useEffect(() => {
    const warn = (event: BeforeUnloadEvent) => {
      if (dirty()) {
        event.preventDefault();
      }
    };
    addEventListener("beforeunload", warn);
    return () => removeEventListener("beforeunload", warn);
  }, [dirty]);
  useEffect(() => {
    if (blocker.state !== "blocked") {
      return undefined;
    }
    return openDialog({ title: words.title, onClose: () => blocker.reset() }, (close) => (
      <Stack>
        <Text size="sm">{words.text}</Text>
        <Group justify="flex-end">
          <Button variant="default" data-autofocus onClick={close}>
            {words.stay}
          </Button>
          <Button color="red.8" onClick={() => blocker.proceed()}>
            {words.leave}
          </Button>
        </Group>
      </Stack>
    ));
  }, [blocker.state]);
}
