import { Button, Group, Stack, Text } from "@mantine/core";
import { IconFileDownload } from "@tabler/icons-react";
import { useState } from "react";

import { client } from "../../api/index.ts";
import { CopyBlock } from "../../components/OneTime.tsx";
import { notifyProblem } from "../../components/problem.ts";
import { saveFile } from "../../components/saveFile.ts";
import { verifyText } from "../../text/verify.ts";
import type { Checked } from "./verify.ts";

const words = verifyText.offline;
const ARCHIVE = "whole.ndjson";
const KEY = "log.pub";

/** The files and the command with which anybody verifies the log without the server. */
export function Offline({ checked }: { checked: Checked | undefined }) {
  const [busy, setBusy] = useState(false);
  const note = checked === undefined ? "checkpoint.note" : `${checked.checkpoint.size}.note`;
  const saveArchive = async () => {
    setBusy(true);
    try {
      const { data } = await client.GET("/admin/audit/archive", { parseAs: "blob" });
      if (data !== undefined) {
        saveFile(data as unknown as Blob, ARCHIVE);
      }
    } catch (error) {
      notifyProblem(error);
    } finally {
      setBusy(false);
    }
  };
  const icon = <IconFileDownload size={16} aria-hidden />;
  return (
    <Stack gap="sm">
      <Text size="sm" c="dimmed">
        {words.text}
      </Text>
      <Group gap="sm">
        <Button variant="default" leftSection={icon} loading={busy} onClick={() => void saveArchive()}>
          {words.archive}
        </Button>
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
