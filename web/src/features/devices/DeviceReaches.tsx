import { Alert, Anchor, Group, Stack, Table, Text } from "@mantine/core";
import { Link } from "react-router";

import { api } from "../../api/index.ts";
import { Empty } from "../../components/Empty.tsx";
import { Loaded } from "../../components/Loaded.tsx";
import { servicesText } from "../../components/serviceText.ts";
import { to } from "../../paths.ts";
import { whole } from "../../components/whole.ts";
import { devicesText } from "../../text/devices.ts";

const words = devicesText.reaches;
const MOST = 1_000;

/** Everything that a device reaches, and which policy lets it. */
export function DeviceReaches({ id }: { id: string }) {
  const query = api.useQuery("get", "/admin/access", { params: { query: { device: id, limit: MOST } } });
  return (
    <Loaded query={query}>
      {({ items: [answer] }) => {
        const reached = answer?.destinations;
        if (!answer?.allowed || !reached || reached.items.length === 0) {
          const gone = answer?.decided_by === "no_peer";
          return (
            <Empty
              title={gone ? words.noPeer : words.nothing}
              {...(gone ? {} : { text: words.nothingHint })}
            />
          );
        }
        return (
          <Stack gap="sm">
            <Group justify="space-between" gap="xs">
              <Text size="sm" c="dimmed">
                {words.intro}
              </Text>
              <Anchor component={Link} to={to.access({ device: id })} size="sm">
                {words.explore}
              </Anchor>
            </Group>
            {answer.enforcement.status === "not_enforced" && <Alert color="orange">{words.pending}</Alert>}
            {reached.truncated && (
              <Alert color="blue">{words.truncated(reached.items.length, reached.total)}</Alert>
            )}
            <Table verticalSpacing="xs" aria-label={words.label}>
              <Table.Thead>
                <Table.Tr>
                  <Table.Th>{words.destination}</Table.Th>
                  <Table.Th visibleFrom="sm">{words.services}</Table.Th>
                  <Table.Th>{words.because}</Table.Th>
                </Table.Tr>
              </Table.Thead>
              <Table.Tbody>
                {reached.items.map(({ network, services, policy }, n) => (
                  // The same network may be reached by several policies.
                  <Table.Tr key={n}>
                    <Table.Td>
                      <Text size="sm" ff="monospace" className={whole(network)}>
                        {network}
                      </Text>
                      <Text size="sm" c="dimmed" hiddenFrom="sm">
                        {servicesText(services)}
                      </Text>
                    </Table.Td>
                    <Table.Td visibleFrom="sm">{servicesText(services)}</Table.Td>
                    <Table.Td>
                      {policy ? (
                        <Anchor component={Link} to={to.policy(policy.id)} inherit>
                          {policy.name}
                        </Anchor>
                      ) : (
                        words.dns
                      )}
                    </Table.Td>
                  </Table.Tr>
                ))}
              </Table.Tbody>
            </Table>
          </Stack>
        );
      }}
    </Loaded>
  );
}
