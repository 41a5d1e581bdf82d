import { Alert, Anchor, Paper, Stack, Text, Title } from "@mantine/core";
import { Link } from "react-router";

import { Facts } from "../../components/Facts.tsx";
import { CopyBlock } from "../../components/OneTime.tsx";
import { Time } from "../../components/Time.tsx";
import { bytes } from "../../components/units.ts";
import { to } from "../../paths.ts";
import { t } from "../../text/common.ts";
import { devicesText } from "../../text/devices.ts";
import { bare, type Device } from "./device.ts";

const words = devicesText.about;

/** Why a device that is not active is not. */
const REASONS: Partial<Record<Device["status"], string>> = {
  disabled: words.disabled,
  owner_disabled: words.ownerDisabled,
  expired: words.expired,
  rotation_lapsed: words.lapsed,
  revoked: words.revoked,
};

function amount(n: number | null | undefined): string | null {
  return n === null || n === undefined ? null : bytes(n);
}

export function DeviceOverview({ device }: { device: Device }) {
  const reason = REASONS[device.status];
  const deadline = device.rotation_deadline;
  return (
    <Stack>
      {reason !== undefined && <Alert color={device.status === "revoked" ? "red" : "orange"}>{reason}</Alert>}
      {device.status === "active" && device.reprovision_required && (
        <Alert color="blue">
          {deadline ? words.rotation(<Time at={deadline} />) : words.reprovision}
        </Alert>
      )}
      <Paper withBorder p="md" component="section">
        <Title order={2} size="h4" mb="sm">
          {words.connection}
        </Title>
        <Facts
          facts={[
            [
              words.gateway,
              <Anchor component={Link} to={to.gateway(device.gateway_id)} inherit>
                {device.gateway_name ?? t.unknown}
              </Anchor>,
            ],
            [words.address, bare(device.assigned_ip)],
            [words.address6, device.assigned_ipv6 ? bare(device.assigned_ipv6) : t.none],
            [words.handshake, <Time at={device.latest_handshake_at} ago />],
            [words.received, amount(device.rx_bytes)],
            [words.sent, amount(device.tx_bytes)],
            [words.seen, <Time at={device.last_seen_at} ago />],
            [words.expires, <Time at={device.expires_at} />],
          ]}
        />
        <Text size="sm" c="dimmed" mt="sm" mb={4}>
          {words.publicKey}
        </Text>
        <CopyBlock text={device.public_key} label={words.publicKey} />
      </Paper>
      <Paper withBorder p="md" component="section">
        <Title order={2} size="h4" mb="sm">
          {words.title}
        </Title>
        <Facts
          facts={[
            [
              words.owner,
              <Anchor component={Link} to={to.user(device.user_id)} inherit>
                {device.username ?? t.erased}
              </Anchor>,
            ],
            [words.platform, devicesText.platform(device.platform)],
            [words.os, device.os_version],
            [words.app, device.app_version],
            [words.revision, device.profile_revision],
            [words.preshared, device.has_preshared_key ? words.presharedYes : t.none],
            [words.created, <Time at={device.created_at} />],
            [words.updated, <Time at={device.updated_at} />],
          ]}
        />
      </Paper>
    </Stack>
  );
}
