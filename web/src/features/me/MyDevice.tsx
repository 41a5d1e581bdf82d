import { ActionIcon, Alert, Button, Group, Menu, Paper, Stack, Text, Title } from "@mantine/core";
import { useDisclosure } from "@mantine/hooks";
import {
  IconDeviceDesktop,
  IconDeviceLaptop,
  IconDeviceMobile,
  IconDots,
  IconPencil,
  IconRefresh,
  IconTrash,
} from "@tabler/icons-react";
import { useState } from "react";

import { client, type Schemas } from "../../api/index.ts";
import { confirm } from "../../components/confirm.tsx";
import { dialogOnDemand, isOpened } from "../../components/onDemand.tsx";
import { Status } from "../../components/Status.tsx";
import { Time } from "../../components/Time.tsx";
import { t } from "../../text/common.ts";
import { devicesText } from "../../text/devices.ts";
import { meText } from "../../text/me.ts";
import { EnrolledModal } from "../devices/EnrolledModal.tsx";
import type { EnrolAnswer } from "../devices/enrolment.ts";
import { isConnected } from "./connection.ts";

const DeviceSettings = dialogOnDemand(
  () => import("./DeviceSettings.tsx").then((file) => file.DeviceSettings),
  isOpened,
);
const RenameDevice = dialogOnDemand(() => import("./RenameDevice.tsx").then((file) => file.RenameDevice), isOpened);

type Device = Schemas["Device"];

const ICONS: Record<string, typeof IconDeviceLaptop> = {
  android: IconDeviceMobile,
  ios: IconDeviceMobile,
  linux: IconDeviceDesktop,
};

/** One of one's own devices: how it is, and what can be done with it. */
export function MyDevice({ device }: { device: Device }) {
  const [shown, settings] = useDisclosure(false);
  const Icon = ICONS[device.platform] ?? IconDeviceLaptop;
  const name = device.name ?? t.erased;
  const hint = meText.statusHints[device.status];
  return (
    <Paper withBorder p="md" h="100%">
      <Stack gap="sm" h="100%" justify="space-between">
        <Stack gap="sm">
          <Group justify="space-between" wrap="nowrap" align="flex-start">
            <Group gap="sm" wrap="nowrap" style={{ minWidth: 0 }}>
              <Icon size={28} stroke={1.5} aria-hidden style={{ flexShrink: 0 }} />
              <div style={{ minWidth: 0 }}>
                <Title order={2} size="h4">
                  {name}
                </Title>
                <Text size="sm" c="dimmed">
                  {devicesText.platform(device.platform)}
                </Text>
              </div>
            </Group>
            <More device={device} name={name} />
          </Group>
          <Connection device={device} />
          {hint !== undefined && <Alert color="orange">{hint}</Alert>}
          {device.reprovision_required && hint === undefined && (
            <Alert color="orange">
              {device.rotation_deadline ? meText.keyDue : meText.keyDueSoon}{" "}
              {device.rotation_deadline && <Time at={device.rotation_deadline} />}
            </Alert>
          )}
          <Text size="sm" c="dimmed">
            {meText.gateway} {device.gateway_name ?? "–"} · {meText.address} {device.assigned_ip.split("/")[0]}
            {device.expires_at && (
              <>
                {" · "}
                {meText.ends} <Time at={device.expires_at} />
              </>
            )}
          </Text>
        </Stack>
        <Button variant="default" size="sm" onClick={settings.open} aria-label={`${meText.settings}: ${name}`}>
          {meText.settings}
        </Button>
      </Stack>
      <DeviceSettings device={device} opened={shown} onClose={settings.close} />
    </Paper>
  );
}

function Connection({ device }: { device: Device }) {
  const { latest_handshake_at: handshake, status } = device;
  if (status !== "active") {
    return (
      <div>
        <Status of={status} />
      </div>
    );
  }
  const connected = isConnected(handshake, Date.now());
  return (
    <Group gap="xs">
      <Status of={connected ? "active" : "unknown"} label={connected ? meText.connected : meText.notConnected} />
      {!connected && (
        <Text size="sm" c="dimmed">
          {handshake ? (
            <>
              {meText.lastConnected} <Time at={handshake} ago />
            </>
          ) : (
            meText.neverConnected
          )}
        </Text>
      )}
    </Group>
  );
}

function More({ device, name }: { device: Device; name: string }) {
  const [renaming, rename] = useDisclosure(false);
  const [answer, setAnswer] = useState<EnrolAnswer>();
  const path = { id: device.id };
  const setUpAgain = () =>
    confirm({
      title: meText.setUpAgainTitle(name),
      text: meText.setUpAgainText,
      verb: meText.setUpAgainVerb,
      reasoned: false,
      action: async () => {
        const params = { path };
        const made = await client.POST("/devices/{id}/key", { params, body: { generate_key: true } });
        setAnswer(made.data);
      },
    });
  const remove = () =>
    confirm({
      title: meText.removeTitle(name),
      text: meText.removeText,
      verb: meText.removeVerb,
      danger: true,
      reasoned: false,
      action: () => client.POST("/devices/{id}/revoke", { params: { path }, body: {} }),
      done: meText.removed(name),
    });
  return (
    <>
      <Menu position="bottom-end">
        <Menu.Target>
          <ActionIcon variant="subtle" color="gray" aria-label={meText.deviceActions(name)}>
            <IconDots size={18} />
          </ActionIcon>
        </Menu.Target>
        <Menu.Dropdown>
          <Menu.Item leftSection={<IconPencil size={16} />} onClick={rename.open}>
            {meText.rename}
          </Menu.Item>
          <Menu.Item leftSection={<IconRefresh size={16} />} onClick={setUpAgain}>
            {meText.setUpAgain}
          </Menu.Item>
          <Menu.Divider />
          <Menu.Item c="var(--mantine-color-error)" leftSection={<IconTrash size={16} />} onClick={remove}>
            {meText.remove}
          </Menu.Item>
        </Menu.Dropdown>
      </Menu>
      <RenameDevice device={device} opened={renaming} onClose={rename.close} />
      <EnrolledModal
        answer={answer}
        platform={device.platform}
        title={devicesText.enrolled.titleNewKey}
        onClose={() => setAnswer(undefined)}
      />
    </>
  );
}
