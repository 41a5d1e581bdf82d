import { Button, Menu } from "@mantine/core";
import { IconFileDownload } from "@tabler/icons-react";

import { useExport } from "../../components/useExport.ts";
import { auditText } from "../../text/audit.ts";

/** All entries that the filters leave, as a file. */
export function ExportMenu({ query }: { query: Readonly<Record<string, unknown>> }) {
  const { busy, save } = useExport("/admin/audit-logs", query, auditText.exporting.name);
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
