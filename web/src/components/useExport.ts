import { useState } from "react";

import { client } from "../api/index.ts";
import { notifyProblem } from "./problem.ts";
import { saveFile } from "./saveFile.ts";

/** The lists that the API gives as a file. */
export type Exported =
  | "/admin/audit-logs"
  | "/admin/devices"
  | "/admin/gateways"
  | "/admin/groups"
  | "/admin/policies"
  | "/admin/users"
  | "/admin/webhooks"
  | "/me/activity";

/** Saves all rows that the filters leave as a file. */
export function useExport(
  path: Exported,
  /** As the table asks; its page does not matter. */
  query: Readonly<Record<string, unknown>>,
  /** The file's, without its ending. */
  name: string,
) {
  const [busy, setBusy] = useState(false);
  const save = async (format: "csv" | "ndjson") => {
    setBusy(true);
    try {
      const { page: _, page_size: __, after: ___, ...rest } = query;
      // The lists' filters differ; what a file is asked for does not.
      const { data } = await client.GET(path as "/admin/audit-logs", {
        params: { query: { ...rest, format } },
        parseAs: "blob",
      });
      if (data !== undefined) {
        saveFile(data as unknown as Blob, `${name}.${format}`);
      }
    } catch (error) {
      notifyProblem(error);
    } finally {
      setBusy(false);
    }
  };
  return { busy, save };
}
