import { Anchor, Paper, Stack, Text, Title } from "@mantine/core";
import { Link } from "react-router";

import { Facts } from "../../components/Facts.tsx";
import { CopyBlock } from "../../components/OneTime.tsx";
import { Time } from "../../components/Time.tsx";
import { to } from "../../paths.ts";
import { t } from "../../text/common.ts";
import { gatewaysText } from "../../text/gateways.ts";
import type { Gateway } from "./gateway.ts";

const words = gatewaysText.about;
const form = gatewaysText.form;

function list(values: readonly string[]): string {
  return values.length === 0 ? t.none : values.join(", ");
}

export function GatewayOverview({ gateway }: { gateway: Gateway }) {
  return (
    <Stack>
      <Paper withBorder p="md" component="section">
        <Title order={2} size="h4" mb="sm">
          {words.network}
        </Title>
        <Facts
          cols={{ base: 1, xs: 2, lg: 3 }}
          facts={[
            [form.endpoint, gateway.endpoint],
            [words.pool4, gateway.address_pool_v4],
            [words.pool6, gateway.address_pool_v6 ?? t.none],
            [words.addresses, list(gateway.tunnel_addresses)],
            [form.dns, list(gateway.dns_servers)],
            [form.search, list(gateway.dns_search)],
            [form.internal, list(gateway.internal_networks)],
            [form.masquerade, list(gateway.masquerade_interfaces)],
            [
              words.devices,
              <Anchor component={Link} to={to.devices({ gateway: gateway.id })} inherit>
                {gatewaysText.deviceCount(gateway.device_count)}
              </Anchor>,
            ],
          ]}
        />
      </Paper>
      <Paper withBorder p="md" component="section">
        <Title order={2} size="h4" mb="sm">
          {words.node}
        </Title>
        <Facts
          cols={{ base: 1, xs: 2, lg: 3 }}
          facts={[
            [words.joined, <Time at={gateway.joined_at} />],
            [words.agent, gateway.agent_version],
            [form.port, gateway.listen_port],
            [form.mtu, gateway.mtu],
            [form.keepalive, gateway.persistent_keepalive === 0 ? t.none : gateway.persistent_keepalive],
            [form.stale, gateway.max_stale_s === 0 ? words.forEver : words.seconds(gateway.max_stale_s)],
            [form.preshared, gateway.preshared_keys ? t.yes : t.no],
            [gatewaysText.created, <Time at={gateway.created_at} />],
            [words.updated, <Time at={gateway.updated_at} />],
          ]}
        />
        <Text size="sm" c="dimmed" mt="sm" mb={4}>
          {words.publicKey}
        </Text>
        {gateway.public_key ? (
          <CopyBlock text={gateway.public_key} label={words.publicKey} />
        ) : (
          <Text size="sm">{words.noKey}</Text>
        )}
      </Paper>
    </Stack>
  );
}
