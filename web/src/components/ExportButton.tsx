import { Button } from "@mantine/core";
import { IconFileDownload } from "@tabler/icons-react";

import { t } from "../text/common.ts";
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
  const { busy, save } = useExport(path, query, name);
  return (
    <Button
      variant="default"
      leftSection={<IconFileDownload size={16} aria-hidden />}
      loading={busy}
      onClick={() => void save("csv")}
    >
      {t.export}
    </Button>
  );
}
