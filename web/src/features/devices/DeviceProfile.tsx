import { Button, Group, Stack, Text } from "@mantine/core";
import { IconDownload } from "@tabler/icons-react";
import { useQuery } from "@tanstack/react-query";

import { client } from "../../api/index.ts";
import { Empty } from "../../components/Empty.tsx";
import { Loaded } from "../../components/Loaded.tsx";
import { CopyBlock } from "../../components/OneTime.tsx";
import { saveFile } from "../../components/saveFile.ts";
import { t } from "../../text/common.ts";
import { devicesText } from "../../text/devices.ts";
import type { Device } from "./device.ts";
import { tunnelName } from "./enrolment.ts";

const words = devicesText.profile;

async function readProfile(id: string): Promise<string> {
  const params = { path: { id } };
  const { data } = await client.GET("/devices/{id}/profile.conf", { params, parseAs: "text" });
  return data ?? "";
}

/** What the client gets, for an admin who looks into a problem. */
export function DeviceProfile({ device }: { device: Device }) {
  return device.status === "revoked" ? <Empty title={words.none} /> : <Profile device={device} />;
}

function Profile({ device }: { device: Device }) {
  const query = useQuery({
    queryKey: ["device-profile", device.id, device.profile_revision],
    queryFn: () => readProfile(device.id),
  });
  return (
    <Loaded query={query}>
      {(content) => (
        <Stack gap="sm" align="stretch">
          <Group justify="space-between" gap="xs">
            <Text size="sm" c="dimmed">
              {words.intro}
            </Text>
            <Button
              size="xs"
              variant="default"
              leftSection={<IconDownload size={14} aria-hidden />}
              onClick={() => saveFile(content, `${tunnelName(device.name ?? "")}.conf`)}
            >
              {t.download}
            </Button>
          </Group>
          <CopyBlock text={content} label={words.label} />
        </Stack>
      )}
    </Loaded>
  );
}
