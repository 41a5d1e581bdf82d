/** Doing something to what others may change at the same moment: then it is asked about once more. */

import { useState } from "react";

import { ApiError, changed } from "../api/index.ts";

export function useNewest<T>(
  start: T,
  /** Reads what it is now; nothing where that cannot be said. */
  read: (before: T) => Promise<T> | undefined,
) {
  const [now, setNow] = useState(start);
  const [overtaken, setOvertaken] = useState(false);
  /** Does it to what is shown; whether that was still what is there. */
  const attempt = async (act: (now: T) => Promise<unknown>): Promise<boolean> => {
    try {
      await act(now);
      return true;
    } catch (error) {
      const stale = error instanceof ApiError && error.status === 412;
      const reading = stale ? read(now) : undefined;
      if (reading === undefined) {
        throw error;
      }
      // The page below shows what it has become, also where it is not there any more.
      void changed();
      setNow(await reading);
      setOvertaken(true);
      return false;
    }
  };
  return { now, overtaken, attempt };
}
