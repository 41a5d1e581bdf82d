import { Text, Tooltip } from "@mantine/core";
import { useEffect, useReducer } from "react";

import { t } from "../text/common.ts";
import { fromNow, inUtc, local } from "./localTime.ts";

/** A time in the local zone, or how long ago; UTC where one points at it. */
export function Time({ at, ago = false }: { at: string | null | undefined; ago?: boolean }) {
  const [, tick] = useReducer((n: number) => n + 1, 0);
  useEffect(() => {
    if (!ago) {
      return undefined;
    }
    const timer = setInterval(tick, 30_000);
    return () => clearInterval(timer);
  }, [ago]);
  if (at === null || at === undefined) {
    return (
      <Text span inherit c="dimmed">
        {t.never}
      </Text>
    );
  }
  const label = ago ? `${local(at)} (${inUtc(at)})` : inUtc(at);
  return (
    <Tooltip label={label} events={{ hover: true, focus: true, touch: true }}>
      <time dateTime={at} className="nums" style={{ whiteSpace: "nowrap" }}>
        {ago ? fromNow(at) : local(at)}
      </time>
    </Tooltip>
  );
}
