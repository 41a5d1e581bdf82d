import { Text, Tooltip } from "@mantine/core";
import dayjs from "dayjs";
import relativeTime from "dayjs/plugin/relativeTime";
import utc from "dayjs/plugin/utc";
import { useEffect, useReducer } from "react";

import { t } from "../text/common.ts";

dayjs.extend(relativeTime);
dayjs.extend(utc);

/** A time in words: in the local zone. */
export function local(time: string): string {
  return dayjs(time).format("YYYY-MM-DD HH:mm:ss");
}

/** The same in UTC, as the audit log keeps it. */
export function inUtc(time: string): string {
  return t.time.utc(dayjs.utc(time).format("YYYY-MM-DD HH:mm:ss"));
}

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
        {ago ? dayjs(at).fromNow() : local(at)}
      </time>
    </Tooltip>
  );
}
