import { Paper, Stack, Text, Title } from "@mantine/core";

import { Facts } from "../../components/Facts.tsx";
import { Status } from "../../components/Status.tsx";
import { Time } from "../../components/Time.tsx";
import { gatewaysText } from "../../text/gateways.ts";
import { ConvergenceRecord } from "./ConvergenceRecord.tsx";
import { convergenceText } from "./GatewayState.tsx";
import type { Gateway } from "./gateway.ts";
import { HostCharts } from "./HostCharts.tsx";

const words = gatewaysText.node;

/** The node: whether it has the newest bundle, how its host is, and what it has reported. */
export function NodeTab({ gateway: { id, convergence } }: { gateway: Gateway }) {
  const { applied, applied_at, lacks_since, reason, last_report_at, revision, revisions_behind, status } = convergence;
  return (
    <Stack>
      <Paper withBorder p="md" component="section">
        <Title order={2} size="h4" mb="sm">
          {words.now}
        </Title>
        <Text size="sm" mb="sm">
          {convergenceText(convergence)}
        </Text>
        <Facts
          cols={{ base: 1, xs: 2, lg: 3 }}
          facts={[
            [gatewaysText.state, <Status of={status} />],
            // Before a node joins there is a revision, but no bundle yet.
            [words.newest, status === "never_joined" ? undefined : revision],
            [words.applied, applied?.revision],
            ...(applied_at ? [[words.appliedAt, <Time at={applied_at} />] as const] : []),
            [words.report, <Time at={last_report_at} ago />],
            ...(revisions_behind ? [[words.behind, revisions_behind] as const] : []),
            ...(lacks_since ? [[words.lacksSince, <Time at={lacks_since} />] as const] : []),
            ...(reason ? [[words.reason, reason] as const] : []),
          ]}
        />
      </Paper>
      <HostCharts id={id} />
      <ConvergenceRecord id={id} />
    </Stack>
  );
}
