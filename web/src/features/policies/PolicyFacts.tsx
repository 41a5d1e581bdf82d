import { Box, Stack, Text } from "@mantine/core";

import type { Schemas } from "../../api/client.ts";
import { Facts } from "../../components/Facts.tsx";
import { servicesText } from "../../components/serviceText.ts";
import { Status } from "../../components/Status.tsx";
import { Time } from "../../components/Time.tsx";
import { t } from "../../text/common.ts";
import { policiesText } from "../../text/policies.ts";
import { TargetNames } from "./TargetNames.tsx";

/** A policy to read: for those who only look, and for one that is gone. */
export function PolicyFacts({ policy }: { policy: Schemas["PolicyFields"] }) {
  const { fields } = policiesText;
  return (
    <Stack>
      {policy.description !== "" && (
        <Text size="sm" style={{ whiteSpace: "pre-line" }}>
          {policy.description}
        </Text>
      )}
      <Facts
        facts={[
          [fields.effect, <Status key="effect" of={policy.effect} />],
          [fields.priority, policy.priority],
          [fields.enabled, policy.enabled ? t.yes : t.no],
          [fields.full_tunnel, policy.full_tunnel ? t.yes : t.no],
          [fields.valid_from, policy.valid_from ? <Time key="from" at={policy.valid_from} /> : undefined],
          [fields.valid_until, policy.valid_until ? <Time key="until" at={policy.valid_until} /> : undefined],
          [fields.targets, <TargetNames key="targets" targets={policy.targets} />],
          [fields.services, servicesText(policy.services)],
          [fields.destinations, <Networks key="destinations" list={policy.destinations} />],
        ]}
      />
    </Stack>
  );
}

function Networks({ list }: { list: readonly string[] }) {
  if (list.length === 0) {
    return policiesText.nowhere;
  }
  return (
    <Box ff="monospace" mah={300} style={{ overflowY: "auto" }} tabIndex={0} role="region" aria-label={policiesText.destinations}>
      {list.map((network) => (
        <div key={network}>{network}</div>
      ))}
    </Box>
  );
}
