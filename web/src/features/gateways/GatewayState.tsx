import { Group, Text } from "@mantine/core";

import { Status } from "../../components/Status.tsx";
import { Time } from "../../components/Time.tsx";
import { gatewaysText } from "../../text/gateways.ts";
import type { Gateway } from "./gateway.ts";

const words = gatewaysText;

/** How a gateway's node stands to its newest bundle, in a sentence. */
export function convergenceText({ status, revisions_behind }: Gateway["convergence"]): string {
  const said = words.convergence;
  switch (status) {
    case "in_sync":
      return said.in_sync;
    case "behind":
      return said.behind(revisions_behind);
    case "rejecting":
      return said.rejecting;
    case "unreachable":
      return said.unreachable;
    case "never_joined":
      return said.never_joined;
    case "history_lost":
      return said.history_lost;
    default:
      return said.unknown;
  }
}

/** The state in a word or two, since when, and whether the gateway is drained. */
export function GatewayState({ gateway }: { gateway: Gateway }) {
  const { convergence, drain } = gateway;
  return (
    <Group gap={6}>
      <Status of={convergence.status} />
      {convergence.since && (
        <Text span size="sm" c="dimmed">
          {words.convergence.since} <Time at={convergence.since} ago />
        </Text>
      )}
      {drain && <Status of={drain.status} />}
    </Group>
  );
}
