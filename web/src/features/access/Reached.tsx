import { Paper, Stack, Table, Text, Title } from "@mantine/core";

import { api, type Schemas } from "../../api/index.ts";
import { Empty } from "../../components/Empty.tsx";
import { Loaded } from "../../components/Loaded.tsx";
import { servicesText } from "../../components/serviceText.ts";
import { Status } from "../../components/Status.tsx";
import { whole } from "../../components/whole.ts";
import { accessText } from "../../text/access.ts";
import { t } from "../../text/common.ts";
import { previewText } from "../../text/preview.ts";
import { AsOf } from "./Explain.tsx";
import { PolicyLink } from "./Explanation.tsx";

const words = accessText;

/** Everything that each device reaches. */
export function Reached({ whose, at }: { whose: { device?: string; user?: string }; at: string | undefined }) {
  const query = api.useQuery(
    "get",
    "/admin/access",
    { params: { query: { ...whose, ...(at === undefined ? {} : { at }) } } },
    { placeholderData: (before) => before },
  );
  return (
    <Loaded query={query}>
      {({ items, as_of }) =>
        items.length === 0 ? (
          <Empty title={words.noDevices} />
        ) : (
          <Stack gap="sm">
            <AsOf moment={as_of} />
            {items.map((device) => (
              <Device key={device.device_id} device={device} />
            ))}
          </Stack>
        )
      }
    </Loaded>
  );
}

function Device({ device }: { device: Schemas["DeviceAnswer"] }) {
  const { device_name, username, device_status, destinations } = device;
  const name = previewText.of(device_name ?? t.erased, username ?? t.erased);
  return (
    <Paper withBorder p="md">
      <Title order={2} size="h5" mb="xs">
        {name} {device_status !== "active" && <Status of={device_status} />}
      </Title>
      {!destinations || destinations.total === 0 ? (
        <Text size="sm" c="dimmed">
          {words.reachesNothing}
        </Text>
      ) : (
        <Table.ScrollContainer minWidth={0} type="native" tabIndex={0} role="region" aria-label={name}>
          <Table fz="sm" verticalSpacing={4} aria-label={`${name}: ${words.reaches}`}>
            <Table.Thead>
              <Table.Tr>
                <Table.Th>{words.destination}</Table.Th>
                <Table.Th>{words.services}</Table.Th>
                <Table.Th>{words.by}</Table.Th>
              </Table.Tr>
            </Table.Thead>
            <Table.Tbody>
              {destinations.items.map(({ network, services, policy, decided_by }, n) => (
                <Table.Tr key={n}>
                  <Table.Td ff="monospace" className={whole(network)}>{network}</Table.Td>
                  <Table.Td>{servicesText(services)}</Table.Td>
                  <Table.Td>
                    {policy ? <PolicyLink policy={policy} /> : (words.builtIn[decided_by] ?? decided_by)}
                  </Table.Td>
                </Table.Tr>
              ))}
            </Table.Tbody>
          </Table>
          {destinations.truncated && (
            <Text size="sm" c="dimmed">
              {t.andMore(destinations.total - destinations.items.length)}
            </Text>
          )}
        </Table.ScrollContainer>
      )}
    </Paper>
  );
}
