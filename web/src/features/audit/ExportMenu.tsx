import { Button, Menu } from "@mantine/core";
import { IconFileDownload } from "@tabler/icons-react";
import { useState } from "react";

import { client } from "../../api/index.ts";
import { notifyProblem } from "../../components/problem.ts";
import { saveFile } from "../../components/saveFile.ts";
import { auditText } from "../../text/audit.ts";

/** All entries that the filters leave, as a file. */
export function ExportMenu({ query }: { query: Readonly<Record<string, unknown>> }) {
  const [busy, setBusy] = useState(false);
  const save = async (format: "csv" | "ndjson") => {
    setBusy(true);
    try {
      const { page: _, page_size: __, after: ___, ...rest } = query;
      const { data } = await client.GET("/admin/audit-logs", {
        params: { query: { ...rest, format } },
        parseAs: "blob",
      });
      if (data !== undefined) {
        saveFile(data as unknown as Blob, `${auditText.exporting.name}.${format}`);
      }
    } catch (error) {
      notifyProblem(error);
    } finally {
      setBusy(false);
    }
  };
  return (
    <Menu position="bottom-end">
      <Menu.Target>
        <Button variant="default" leftSection={<IconFileDownload size={16} aria-hidden />} loading={busy}>
          {auditText.exporting.label}
        </Button>
      </Menu.Target>
      <Menu.Dropdown>
        <Menu.Item onClick={() => void save("csv")}>{auditText.exporting.csv}</Menu.Item>
        <Menu.Item onClick={() => void save("ndjson")}>{auditText.exporting.ndjson}</Menu.Item>
      </Menu.Dropdown>
    </Menu>
  );
}
