import { Alert, Button, Group, Paper, Progress, Stack, Text } from "@mantine/core";
import { useRef, useState } from "react";

import { ifMatch } from "../../api/etag.ts";
import { client, type Schemas } from "../../api/index.ts";
import { useMayChange } from "../../app/session.ts";
import { confirmOf } from "../../components/confirm.tsx";
import { useNames } from "../../components/entityNames.ts";
import { EntitySelect } from "../../components/EntitySelect.tsx";
import { Facts } from "../../components/Facts.tsx";
import { Status } from "../../components/Status.tsx";
import { Time } from "../../components/Time.tsx";
import { gatewaysText } from "../../text/gateways.ts";
import { DrainDevices } from "./DrainDevices.tsx";
import { type Gateway, readGateway } from "./gateway.ts";

const words = gatewaysText.drain;

/** Empties a gateway, and says how far that has come. */
export function DrainTab({ gateway }: { gateway: Gateway }) {
  const { drain } = gateway;
  const mayChange = useMayChange();
  return (
    <Stack>
      <Stack maw={720}>
        <Text size="sm">{words.intro}</Text>
        <Text size="sm" c="dimmed">
          {words.means}
        </Text>
        {drain && <Begun gateway={gateway} drain={drain} />}
        {mayChange && (!drain || drain.status === "stuck") && <Start gateway={gateway} />}
      </Stack>
      {drain && drain.devices_left > 0 && <DrainDevices id={gateway.id} />}
    </Stack>
  );
}

function Start({ gateway }: { gateway: Gateway }) {
  const { id, drain } = gateway;
  const [target, setTarget] = useState<string | null>(null);
  const names = useNames("gateway", target === null ? [] : [target]);
  const verb = drain ? words.retarget : words.start;
  const ask = () =>
    confirmOf(gateway, () => readGateway(id), ({ name, device_count, version }) => ({
      title: words.startTitle(name),
      text: words.startText(device_count, target === null ? words.others : (names.get(target) ?? "")),
      verb,
      danger: true,
      action: (headers) =>
        client.POST("/admin/gateways/{id}/drain", {
          params: { path: { id }, header: { ...ifMatch(version), ...headers } },
          body: target === null ? {} : { target },
        }),
      done: words.started,
    }));
  return (
    <Group align="flex-end">
      <EntitySelect
        kind="gateway"
        label={words.target}
        placeholder={words.anyTarget}
        value={target}
        onChange={setTarget}
        w={{ base: "100%", xs: 340 }}
      />
      <Button onClick={ask}>{verb}</Button>
    </Group>
  );
}

function Begun({ gateway, drain }: { gateway: Gateway; drain: Schemas["Drain"] }) {
  const { id } = gateway;
  const mayChange = useMayChange();
  const names = useNames("gateway", drain.target ? [drain.target] : []);
  // How many there were is not kept: the most that were seen here stands for it.
  const most = useRef(0);
  most.current = Math.max(most.current, drain.devices_left);
  const moved = most.current === 0 ? 100 : 100 - (100 * drain.devices_left) / most.current;
  const end = () =>
    confirmOf(gateway, () => readGateway(id), ({ version }) => ({
      title: words.endTitle,
      text: words.endText,
      verb: words.end,
      action: (headers) =>
        client.DELETE("/admin/gateways/{id}/drain", {
          params: { path: { id }, header: { ...ifMatch(version), ...headers } },
        }),
      done: words.ended,
    }));
  return (
    <Paper withBorder p="md" component="section">
      <Stack gap="sm">
        <Group gap="sm" role="status">
          <Status of={drain.status} />
          <Text size="sm">{words.left(drain.devices_left)}</Text>
        </Group>
        {drain.status === "draining" && <Progress value={moved} animated aria-label={words.progress} />}
        {drain.status === "drained" && <Text size="sm">{words.drainedText}</Text>}
        {drain.error && (
          <Alert color="red">
            {words.stuckText(drain.error.message, <Time at={drain.error.at} ago />)}
          </Alert>
        )}
        <Facts
          cols={{ base: 1, xs: 2 }}
          facts={[
            [words.since, <Time at={drain.started_at} />],
            [words.to, drain.target ? names.get(drain.target) : words.others],
          ]}
        />
        {mayChange && (
          <Group>
            <Button variant="default" onClick={end}>
              {words.end}
            </Button>
          </Group>
        )}
      </Stack>
    </Paper>
  );
}
