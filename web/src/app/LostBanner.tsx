import { Alert } from "@mantine/core";
import { useEffect, useSyncExternalStore } from "react";

import { connection } from "../api/connection.ts";
import { queries } from "../api/index.ts";
import { t } from "../text/common.ts";

/** How often the server is asked whether it is back, in milliseconds. */
const KNOCK = 2_000;

/** Says while nobody answers that nobody does, and goes on by itself. */
export function LostBanner() {
  const lost = useSyncExternalStore(connection.subscribe, connection.isLost);
  useEffect(() => {
    if (!lost) {
      return undefined;
    }
    const timer = setInterval(() => {
      fetch("/healthz")
        .then((response) => {
          if (response.ok) {
            connection.answered();
            return queries.invalidateQueries();
          }
          return undefined;
        })
        .catch(() => undefined);
    }, KNOCK);
    return () => clearInterval(timer);
  }, [lost]);
  return lost ? (
    <Alert color="orange" mb="md" role="status">
      {t.problem.lostBanner}
    </Alert>
  ) : null;
}
