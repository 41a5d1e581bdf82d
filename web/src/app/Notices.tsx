import { useNotifications } from "@mantine/notifications";
import { Suspense, useRef } from "react";

import { onDemand } from "../components/onDemand.tsx";

const Shown = onDemand(() => import("./ShownNotices.tsx").then(({ ShownNotices }) => ShownNotices));

/** Says what was done, and what did not work. What draws it is loaded with the first notice. */
export function Notices() {
  const { notifications } = useNotifications();
  const some = useRef(false);
  some.current ||= notifications.length > 0;
  return some.current ? (
    <Suspense fallback={null}>
      <Shown />
    </Suspense>
  ) : null;
}
