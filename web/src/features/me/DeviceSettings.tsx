import { Button, Modal, Stack, Table, Text, Title } from "@mantine/core";
import { IconDownload } from "@tabler/icons-react";

import { api, type Schemas } from "../../api/index.ts";
import { Loaded } from "../../components/Loaded.tsx";
import { CopyBlock } from "../../components/OneTime.tsx";
import { saveFile } from "../../components/saveFile.ts";
import { whole } from "../../components/whole.ts";
import { t } from "../../text/common.ts";
import { meText } from "../../text/me.ts";
import { tunnelName } from "../devices/enrolment.ts";

type Device = Schemas["Device"];

/** What a device reaches, and its profile, which has no private key any more. */
export function DeviceSettings({ device, opened, onClose }: { device: Device; opened: boolean; onClose: () => void }) {
  return (
    <Modal opened={opened} onClose={onClose} title={device.name ?? t.erased} size="lg">
      <Settings device={device} />
    </Modal>
  );
}

function Settings({ device }: { device: Device }) {
  const query = api.useQuery("get", "/me/devices/{id}/profile", {
    params: { path: { id: device.id } },
    headers: { accept: "application/json" },
  });
  return (
    <Loaded query={query}>
      {({ resources, profile }) => (
        <Stack gap="lg">
          <section aria-labelledby="reaches">
            <Title order={3} size="h5" id="reaches" mb="xs">
              {meText.reaches}
            </Title>
            <Resources resources={resources} />
          </section>
          <section aria-labelledby="profile">
            <Title order={3} size="h5" id="profile">
              {meText.profile}
            </Title>
            <Text size="sm" c="dimmed" mb="xs">
              {meText.profileText}
            </Text>
            <CopyBlock text={profile.content} label={meText.profileLabel} />
            <Button
              mt="sm"
              variant="default"
              leftSection={<IconDownload size={16} aria-hidden />}
              onClick={() => saveFile(profile.content, `${tunnelName(device.name ?? "")}.conf`)}
            >
              {meText.download}
            </Button>
          </section>
        </Stack>
      )}
    </Loaded>
  );
}

function Resources({ resources }: { resources: readonly Schemas["Resource"][] }) {
  if (resources.length === 0) {
    return <Text size="sm">{meText.reachesNothing}</Text>;
  }
  return (
    <Table verticalSpacing={4} fz="sm" aria-label={meText.reaches}>
      <Table.Thead>
        <Table.Tr>
          <Table.Th>{meText.resource}</Table.Th>
          <Table.Th>{meText.network}</Table.Th>
        </Table.Tr>
      </Table.Thead>
      <Table.Tbody>
        {resources.map(({ label, value }) => (
          <Table.Tr key={`${label} ${value}`}>
            <Table.Td>{label}</Table.Td>
            <Table.Td ff="monospace" className={whole(value)}>{value}</Table.Td>
          </Table.Tr>
        ))}
      </Table.Tbody>
    </Table>
  );
}
