import { client } from "../api/index.ts";
import { useDownload } from "./useDownload.ts";

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
  const { received, download } = useDownload();
  const { page: _, page_size: __, after: ___, ...rest } = query;
  const save = (format: "csv" | "ndjson") =>
    download(
      // The lists' filters differ; what a file is asked for does not.
      () => client.GET(path as "/admin/audit-logs", { params: { query: { ...rest, format } }, parseAs: "stream" }),
      `${name}.${format}`,
    );
  return { received, save };
}
