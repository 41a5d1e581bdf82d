import { Button, Group, Stack, Text } from "@mantine/core";
import { IconFileDownload } from "@tabler/icons-react";

import { client } from "../../api/index.ts";
import { DownloadButton } from "../../components/DownloadButton.tsx";
import { CopyBlock } from "../../components/OneTime.tsx";
import { saveFile } from "../../components/saveFile.ts";
import { useDownload } from "../../components/useDownload.ts";
import { verifyText } from "../../text/verify.ts";
import type { Checked } from "./verify.ts";

const words = verifyText.offline;
const ARCHIVE = "whole.ndjson";
const KEY = "log.pub";

/** The files and the command with which anybody verifies the log without the server. */
export function Offline({ checked }: { checked: Checked | undefined }) {
  const { received, download } = useDownload();
  const note = checked === undefined ? "checkpoint.note" : `${checked.checkpoint.size}.note`;
  const saveArchive = () => download(() => client.GET("/admin/audit/archive", { parseAs: "stream" }), ARCHIVE);
  const icon = <IconFileDownload size={16} aria-hidden />;
  return (
    <Stack gap="sm">
      <Text size="sm" c="dimmed">
        {words.text}
      </Text>
      <Group gap="sm">
        <DownloadButton label={words.archive} received={received} onClick={() => void saveArchive()} />
        {checked !== undefined && (
          <>
            <Button variant="default" leftSection={icon} onClick={() => saveFile(`${checked.log.verifier}\n`, KEY)}>
              {words.keyFile}
            </Button>
            <Button variant="default" leftSection={icon} onClick={() => saveFile(checked.note, note)}>
              {words.checkpointFile}
            </Button>
          </>
        )}
      </Group>
      <CopyBlock
        label={words.command}
        text={`nexavpn audit verify ${ARCHIVE} --key ${KEY} --checkpoint ${note}`}
      />
      <Text size="sm" c="dimmed">
        {words.own}
      </Text>
    </Stack>
  );
}
