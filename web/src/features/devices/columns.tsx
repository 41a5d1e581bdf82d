import { Anchor, Text } from "@mantine/core";
import { Link } from "react-router";

import type { Column } from "../../components/DataTable.tsx";
import { Status } from "../../components/Status.tsx";
import { Time } from "../../components/Time.tsx";
import { to } from "../../paths.ts";
import { t } from "../../text/common.ts";
import { devicesText } from "../../text/devices.ts";
import { bare, type Device, lastSeen } from "./device.ts";

const words = devicesText;

export const deviceName: Column<Device> = {
  key: "name",
  title: words.name,
  sort: "name",
  render: (device) => (
    <Anchor component={Link} to={to.device(device.id)} fw={500} inherit>
      {device.name ?? t.erased}
    </Anchor>
  ),
};

export const deviceOwner: Column<Device> = {
  key: "owner",
  title: words.owner,
  from: "sm",
  render: (device) => (
    <Anchor component={Link} to={to.user(device.user_id)} inherit>
      {device.username ?? t.erased}
    </Anchor>
  ),
};

export const deviceStatus: Column<Device> = {
  key: "status",
  title: words.status,
  render: (device) => <Status of={device.status} />,
};

export const devicePlatform: Column<Device> = {
  key: "platform",
  title: words.platformLabel,
  from: "lg",
  render: (device) => words.platform(device.platform),
};

export const deviceGateway: Column<Device> = {
  key: "gateway",
  title: words.gateway,
  from: "md",
  render: (device) => (
    <Anchor component={Link} to={to.gateway(device.gateway_id)} inherit>
      {device.gateway_name ?? t.unknown}
    </Anchor>
  ),
};

export const deviceAddress: Column<Device> = {
  key: "address",
  title: words.address,
  from: "lg",
  render: (device) => (
    <Text span inherit className="nums">
      {bare(device.assigned_ip)}
    </Text>
  ),
};

export const deviceSeen: Column<Device> = {
  key: "seen",
  title: words.lastSeen,
  from: "md",
  render: (device) => <Time at={lastSeen(device)} ago />,
};

export const deviceCreated: Column<Device> = {
  key: "created",
  title: words.created,
  sort: "created_at",
  from: "xl",
  render: (device) => <Time at={device.created_at} ago />,
};

/** The columns of devices, wherever they are listed; leave out what is the same in all rows. */
export const deviceColumns: readonly Column<Device>[] = [
  deviceName,
  deviceOwner,
  deviceStatus,
  deviceGateway,
  deviceAddress,
  devicePlatform,
  deviceSeen,
  deviceCreated,
];
