import { Menu } from "@mantine/core";

import { DownloadButton } from "../../components/DownloadButton.tsx";
import { useExport } from "../../components/useExport.ts";
import { auditText } from "../../text/audit.ts";

/** All entries that the filters leave, as a file. */
export function ExportMenu({ query }: { query: Readonly<Record<string, unknown>> }) {
  const { received, save } = useExport("/admin/audit-logs", query, auditText.exporting.name);
  return (
    <Menu position="bottom-end">
      <Menu.Target>
        <DownloadButton label={auditText.exporting.label} received={received} />
      </Menu.Target>
      <Menu.Dropdown>
        <Menu.Item onClick={() => void save("csv")}>{auditText.exporting.csv}</Menu.Item>
        <Menu.Item onClick={() => void save("ndjson")}>{auditText.exporting.ndjson}</Menu.Item>
      </Menu.Dropdown>
    </Menu>
  );
}
