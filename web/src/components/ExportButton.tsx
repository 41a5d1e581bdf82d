import { t } from "../text/common.ts";
import { DownloadButton } from "./DownloadButton.tsx";
import { type Exported, useExport } from "./useExport.ts";

/** All rows that the filters leave, as a file for a spreadsheet. */
export function ExportButton({
  path,
  query,
  name,
}: {
  path: Exported;
  query: Readonly<Record<string, unknown>>;
  name: string;
}) {
  const { received, save } = useExport(path, query, name);
  return <DownloadButton label={t.export} received={received} onClick={() => void save("csv")} />;
}
