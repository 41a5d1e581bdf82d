import { useEffect, useRef, useState } from "react";

import { ApiError, client, type Schemas } from "../../api/index.ts";
import { messages } from "./sse.ts";

/** The filters that the stream knows; the list knows more. */
export const TAIL_FILTERS = ["event_type", "entity_type", "entity_id", "actor_id", "status"] as const;

/** How long until it is tried again after the stream has broken off, in milliseconds. */
const AGAIN = [1_000, 2_000, 5_000, 10_000];

/**
 * The audit log as it grows: `take` is given each entry, in order, none twice. The stream ends once
 * an hour, and whenever the connection does; it goes on after the last entry that came.
 */
export function useTail(
  enabled: boolean,
  filters: Partial<Record<(typeof TAIL_FILTERS)[number], string>>,
  /** The last entry that is there already; without it, it begins with what happens next. */
  after: number | undefined,
  take: (entry: Schemas["AuditEntry"]) => void,
): { connected: boolean } {
  const [connected, setConnected] = useState(false);
  const taking = useRef(take);
  taking.current = take;
  const begin = useRef(after);
  begin.current = after;
  const asked = JSON.stringify(filters);
  useEffect(() => {
    if (!enabled) {
      return undefined;
    }
    const stop = new AbortController();
    const query = JSON.parse(asked) as typeof filters;
    void follow(query, begin.current, stop.signal, setConnected, (entry) => taking.current(entry));
    return () => {
      stop.abort();
      setConnected(false);
    };
  }, [enabled, asked]);
  return { connected };
}

async function follow(
  query: Record<string, string>,
  after: number | undefined,
  signal: AbortSignal,
  connected: (now: boolean) => void,
  take: (entry: Schemas["AuditEntry"]) => void,
): Promise<void> {
  let last = after === undefined ? undefined : String(after);
  let failures = 0;
  while (!signal.aborted) {
    try {
      const header = last === undefined ? {} : { "Last-Event-ID": last };
      const { data } = await client.GET("/admin/audit-logs/stream", {
        params: { query, header },
        parseAs: "stream",
        signal,
      });
      connected(true);
      failures = 0;
      for await (const message of messages(data as unknown as ReadableStream<Uint8Array>)) {
        if (message.event === "entry") {
          last = message.id;
          take(JSON.parse(message.data) as Schemas["AuditEntry"]);
        }
      }
    } catch (error) {
      failures += 1;
      if (error instanceof ApiError && error.code === "past_the_end") {
        // The log was restored from a backup: what was shown last is not in it any more.
        last = undefined;
      }
    }
    if (!signal.aborted) {
      connected(false);
      await new Promise((resolve) => setTimeout(resolve, AGAIN[Math.min(failures, AGAIN.length - 1)]));
    }
  }
}
