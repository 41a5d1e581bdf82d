import { Button } from "@mantine/core";
import { IconFileDownload } from "@tabler/icons-react";
import { useState } from "react";

import { client } from "../api/index.ts";
import { t } from "../text/common.ts";
import { notifyProblem } from "./problem.ts";
import { saveFile } from "./saveFile.ts";

/** The lists that the API gives as a file. */
type Exported =
  | "/admin/audit-logs"
  | "/admin/devices"
  | "/admin/gateways"
  | "/admin/groups"
  | "/admin/policies"
  | "/admin/users"
  | "/admin/webhooks";

/** All rows that the filters leave, as a file for a spreadsheet. */
export function ExportButton({
  path,
  query,
  name,
}: {
  path: Exported;
  /** As the table asks; its page does not matter. */
  query: Readonly<Record<string, unknown>>;
  /** The file's, without its ending. */
  name: string;
}) {
  const [busy, setBusy] = useState(false);
  const save = async () => {
    setBusy(true);
    try {
      const { page: _, page_size: __, after: ___, ...rest } = query;
      // The lists' filters differ; what a file is asked for does not.
      const { data } = await client.GET(path as "/admin/policies", {
        params: { query: { ...rest, format: "csv" } },
        parseAs: "blob",
      });
      if (data !== undefined) {
        saveFile(data, `${name}.csv`);
      }
    } catch (error) {
      notifyProblem(error);
    } finally {
      setBusy(false);
    }
  };
  return (
    <Button
      variant="default"
      leftSection={<IconFileDownload size={16} aria-hidden />}
      loading={busy}
      onClick={() => void save()}
    >
      {t.export}
    </Button>
  );
}
