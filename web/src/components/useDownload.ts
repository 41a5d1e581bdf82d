import { useState } from "react";

import { notifyProblem } from "./problem.ts";
import { saveFile } from "./saveFile.ts";

/** Saves what the server sends as a file, and counts it as it comes. */
export function useDownload() {
  const [received, setReceived] = useState<number>();
  const download = async (ask: () => Promise<{ data?: ReadableStream<Uint8Array<ArrayBuffer>> | null }>, name: string) => {
    setReceived(0);
    try {
      const { data } = await ask();
      const parts: Uint8Array<ArrayBuffer>[] = [];
      let size = 0;
      const reader = data?.getReader();
      for (let next = await reader?.read(); next !== undefined && !next.done; next = await reader?.read()) {
        parts.push(next.value);
        size += next.value.byteLength;
        setReceived(size);
      }
      saveFile(new Blob(parts), name);
    } catch (error) {
      notifyProblem(error);
    } finally {
      setReceived(undefined);
    }
  };
  /** `received` is so many bytes; none while nothing is under way. */
  return { received, download };
}
