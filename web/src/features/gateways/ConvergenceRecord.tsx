import { Paper, Table, Text, Title } from "@mantine/core";

import { api } from "../../api/index.ts";
import { Empty } from "../../components/Empty.tsx";
import { Loaded } from "../../components/Loaded.tsx";
import { Older, useSize } from "../../components/Older.tsx";
import { Status } from "../../components/Status.tsx";
import { Time } from "../../components/Time.tsx";
import { gatewaysText } from "../../text/gateways.ts";

const words = gatewaysText.node;
const OFTEN = 5_000;

/** What was published to the node, applied and refused by it, the newest first. */
export function ConvergenceRecord({ id }: { id: string }) {
  const shown = useSize();
  const query = api.useQuery(
    "get",
    "/admin/gateways/{id}/convergence",
    { params: { path: { id }, query: { page_size: shown.size } } },
    { placeholderData: (before) => before, refetchInterval: OFTEN },
  );
  return (
    <Paper withBorder p="md" component="section">
      <Title order={2} size="h4" mb="sm">
        {words.record}
      </Title>
      <Loaded query={query}>
        {({ items, next }) =>
          items.length === 0 ? (
            <Empty title={words.noRecord} text={words.noRecordHint} />
          ) : (
            <>
              <Table verticalSpacing="xs" aria-label={words.recordLabel}>
                <Table.Thead>
                  <Table.Tr>
                    <Table.Th>{words.outcome}</Table.Th>
                    <Table.Th ta="right" style={{ overflowWrap: "normal" }}>{words.revision}</Table.Th>
                    <Table.Th>{words.at}</Table.Th>
                    <Table.Th visibleFrom="sm">{words.why}</Table.Th>
                  </Table.Tr>
                </Table.Thead>
                <Table.Tbody>
                  {items.map(({ at, outcome, revision, reason }) => (
                    <Table.Tr key={`${at} ${outcome} ${revision}`}>
                      <Table.Td>
                        <Status of={outcome} />
                        {reason && (
                          <Text size="xs" hiddenFrom="sm" mt={4}>
                            {reason}
                          </Text>
                        )}
                      </Table.Td>
                      <Table.Td ta="right" className="nums">
                        {revision ?? "–"}
                      </Table.Td>
                      <Table.Td>
                        <Time at={at} ago />
                      </Table.Td>
                      <Table.Td visibleFrom="sm">{reason}</Table.Td>
                    </Table.Tr>
                  ))}
                </Table.Tbody>
              </Table>
              <Older next={next} of={shown} loading={query.isPlaceholderData} mt="sm" />
            </>
          )
        }
      </Loaded>
    </Paper>
  );
}
