import { Anchor, Button, Group, Paper, Stack, Text, Title } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { Link } from "react-router";

import { client, type Schemas } from "../../api/index.ts";
import { Empty } from "../../components/Empty.tsx";
import { Loaded } from "../../components/Loaded.tsx";
import { NetworkList } from "../../components/NetworkList.tsx";
import { Status } from "../../components/Status.tsx";
import { to } from "../../paths.ts";
import { t } from "../../text/common.ts";
import { policiesText } from "../../text/policies.ts";
import { previewText } from "../../text/preview.ts";
import type { Policy } from "./form.ts";

const words = policiesText.concerns;
const SHOWN = 1000;
const FEW = 10;

type Change = Schemas["PreviewChange"];

/** Whom a policy gives or keeps something: what would change if it were not there. */
export function Concerned({ policy }: { policy: Policy }) {
  const query = useQuery({
    queryKey: ["policy concerns", policy.id, policy.version],
    queryFn: async () => {
      const params = { path: { id: policy.id }, query: { limit: SHOWN } };
      const { data } = await client.DELETE("/admin/preview/policies/{id}", { params });
      return data as Schemas["Preview"];
    },
  });
  return (
    <Loaded query={query}>
      {({ changes, devices }) => {
        const total = Math.max(devices.gaining, devices.losing);
        if (total === 0) {
          return <Empty title={words.none} text={whyNobody(policy)} />;
        }
        return (
          <Stack>
            <Text size="sm">
              {policy.effect === "allow" ? words.allow : words.deny} {words.hint}
            </Text>
            {changes.items.length > 1 && <Text fw={600}>{words.total(total)}</Text>}
            {changes.items.map((change) => (
              <Same key={change.devices.items[0]?.device_id} change={change} />
            ))}
            {changes.truncated && (
              <Text size="sm" c="dimmed">
                {words.truncated(SHOWN)}
              </Text>
            )}
          </Stack>
        );
      }}
    </Loaded>
  );
}

function whyNobody(policy: Policy): string {
  if (!policy.in_force) {
    return words.noneInForce;
  }
  return policy.targets.length === 0 ? words.noneTargets : words.noneOther;
}

/** Devices to which it does the same. */
function Same({ change }: { change: Change }) {
  const [all, setAll] = useState(false);
  const { items } = change.devices;
  return (
    <Paper withBorder p="md">
      <Title order={2} size="h5" mb="xs">
        {words.total(change.devices.total)}
      </Title>
      <Group gap="xs" mb="sm">
        {(all ? items : items.slice(0, FEW)).map((device) => (
          <Anchor key={device.device_id} component={Link} to={to.device(device.device_id)} size="sm">
            {previewText.of(device.device_name ?? t.erased, device.username ?? t.erased)}
          </Anchor>
        ))}
        {!all && items.length > FEW && (
          <Button size="compact-sm" variant="subtle" onClick={() => setAll(true)}>
            {words.showAll(items.length)}
          </Button>
        )}
      </Group>
      <Networks label={words.reach} effect="allow" list={change.lost} />
      <Networks label={words.kept} effect="deny" list={change.gained} />
    </Paper>
  );
}

function Networks({ label, effect, list }: { label: string; effect: string; list: Change["lost"] }) {
  if (list.total === 0) {
    return null;
  }
  return (
    <>
      <Status of={effect} label={label} />
      <NetworkList list={list} />
    </>
  );
}
