/** Parts of a page that are in files of their own, which are loaded when they are first shown. */

import { Alert, Button, Portal, Stack } from "@mantine/core";
import { type ComponentType, lazy, type ReactNode, Suspense, useState } from "react";

import { t } from "../text/common.ts";
import { Loading } from "./Loaded.tsx";

/** A component that is loaded when it is first shown. Put `Suspense` around it for what stands there meanwhile. */
export function onDemand<P extends object>(
  load: () => Promise<ComponentType<P>>,
  missing: ComponentType = Missing,
): ComponentType<P> {
  // After an upgrade the file that an open page asks for may be gone; the page itself stays.
  const Loaded = lazy(async () => ({ default: await load().catch(() => missing as ComponentType<P>) }));
  return Loaded as unknown as ComponentType<P>;
}

/** A panel that is loaded when it is first shown, with its shape in its place meanwhile. */
export function panelOnDemand<P extends object>(
  load: () => Promise<ComponentType<P>>,
  Shape: ComponentType<P> = Loading,
): (props: P) => ReactNode {
  const Loaded = onDemand(load);
  return function Panel(props) {
    return (
      <Suspense fallback={<Shape {...props} />}>
        <Loaded {...props} />
      </Suspense>
    );
  };
}

/** A dialog that is loaded when it is first opened, and then stays, for its way out. */
export function dialogOnDemand<P extends object>(
  load: () => Promise<ComponentType<P>>,
  opened: (props: P) => boolean,
): (props: P) => ReactNode {
  const Loaded = onDemand(load);
  return function Dialog(props) {
    const [wanted, setWanted] = useState(false);
    if (!wanted && opened(props)) {
      setWanted(true);
    }
    return wanted ? (
      <Suspense fallback={null}>
        <Loaded {...props} />
      </Suspense>
    ) : null;
  };
}

/** For most dialogs. */
export function isOpened({ opened }: { opened: boolean }): boolean {
  return opened;
}

/** Wherever one has scrolled to, and over open dialogs. */
function Missing() {
  return (
    <Portal>
      <Alert
        color="red"
        variant="filled"
        role="alert"
        title={t.problem.title}
        style={{ position: "fixed", insetInline: 16, bottom: 16, zIndex: "var(--mantine-z-index-overlay)" }}
      >
        <Stack gap="xs" align="flex-start">
          {t.problem.notLoaded}
          <Button size="xs" variant="white" color="red" onClick={() => location.reload()}>
            {t.problem.reload}
          </Button>
        </Stack>
      </Alert>
    </Portal>
  );
}
