import { Alert, Button, Group, Paper, Stack, Text, Title } from "@mantine/core";
import { useState } from "react";

import { ifMatch } from "../../api/etag.ts";
import { api, client, type Schemas } from "../../api/index.ts";
import { useMayChange } from "../../app/session.ts";
import { confirmOf } from "../../components/confirm.tsx";
import { fromLocalInput, toLocalInput } from "../../components/localTime.ts";
import { CopyBlock } from "../../components/OneTime.tsx";
import type { Because } from "../../components/reason.ts";
import { Status } from "../../components/Status.tsx";
import { Time } from "../../components/Time.tsx";
import { TimeField } from "../../components/TimeField.tsx";
import { t } from "../../text/common.ts";
import { gatewaysText } from "../../text/gateways.ts";
import { type Gateway, readGateway } from "./gateway.ts";
import { RotationDevices } from "./RotationDevices.tsx";

const words = gatewaysText.rotation;

/** How many devices lack the key is not known at once. */
type Rotation = Schemas["KeyRotation"] & { devices_left?: number | null | undefined };

/** In days: time for people to fetch files. */
const USUAL_WAIT = 7;
/** In milliseconds. */
const OFTEN = 2_000;
/** The server takes a year at most, in milliseconds. */
const LONGEST = 365 * 86_400_000;

/** The whole hour after which it is usually over. */
function usualSwitch(): string {
  const at = new Date();
  at.setDate(at.getDate() + USUAL_WAIT);
  at.setMinutes(0, 0, 0);
  return at.toISOString();
}

/** Changes the gateway's key so that nobody is cut off, and says who has not fetched it. */
export function RotationTab({ gateway }: { gateway: Gateway }) {
  const { id, joined_at, key_rotation: underWay } = gateway;
  const mayChange = useMayChange();
  // The gateway itself tells only of one that is under way, as of the version that a change of it names;
  // afterwards some devices may still lack the key.
  const query = api.useQuery(
    "get",
    "/admin/gateways/{id}/key-rotation",
    { params: { path: { id } } },
    { refetchInterval: OFTEN },
  );
  const over = query.data?.status === "switched" ? query.data : undefined;
  const rotation: Rotation | undefined = underWay ? { ...underWay, devices_left: query.data?.devices_left } : over;
  const open = rotation && rotation.status !== "switched";
  return (
    <Stack>
      <Stack maw={720}>
        <Text size="sm">{words.intro}</Text>
        <Text size="sm" c="dimmed">
          {words.means}
        </Text>
      </Stack>
      {rotation && <Standing gateway={gateway} rotation={rotation} />}
      {!joined_at && <Alert color="blue">{words.notJoined}</Alert>}
      {mayChange && joined_at && (
        <Start key={open ? "move" : "start"} gateway={gateway} at={open ? rotation.switch_at : undefined} />
      )}
      {rotation && rotation.status !== "waiting_for_node" && <RotationDevices id={gateway.id} />}
    </Stack>
  );
}

/** Begins a rotation, or gives the one that is under way another time. */
function Start({ gateway, at }: { gateway: Gateway; at: string | null | undefined }) {
  const { id } = gateway;
  const moves = typeof at === "string";
  const [when, setWhen] = useState(() =>
    toLocalInput(at ?? usualSwitch()),
  );
  const [error, setError] = useState<string>();
  const ask = () => {
    const switch_at = fromLocalInput(when);
    const ahead = Date.parse(switch_at ?? "") - Date.now();
    if (switch_at === null || ahead <= 0 || ahead > LONGEST) {
      setError(words.past);
      return;
    }
    setError(undefined);
    confirmOf(gateway, () => readGateway(id), ({ name, version }) => ({
      title: moves ? words.moveTitle : words.startTitle(name),
      text: moves ? words.moveText(<Time at={switch_at} />) : words.startText(<Time at={switch_at} />),
      verb: moves ? words.move : words.start,
      action: (headers) =>
        client.POST("/admin/gateways/{id}/key-rotation", {
          params: { path: { id }, header: { ...ifMatch(version), ...headers } },
          body: { switch_at },
        }),
      done: moves ? words.moved : words.started,
    }));
  };
  return (
    <Group align="flex-start">
      <TimeField
        label={words.switchAt}
        value={when}
        onChange={(event) => setWhen(event.currentTarget.value)}
        error={error}
        w={{ base: "100%", xs: 240 }}
      />
      <Button mt={{ base: 0, xs: 25 }} variant={moves ? "default" : "filled"} onClick={ask}>
        {moves ? words.move : words.start}
      </Button>
    </Group>
  );
}

function Standing({
  gateway,
  rotation: { devices_left: left, next_gateway_key: key, status, switch_at },
}: {
  gateway: Gateway;
  rotation: Rotation;
}) {
  const mayChange = useMayChange();
  const { id } = gateway;
  const because = (version: number, headers: Because) => ({
    path: { id },
    header: { ...ifMatch(version), ...headers },
  });
  const readLeft = async () => {
    const { version } = await readGateway(id);
    const { data } = await client.GET("/admin/gateways/{id}/key-rotation", { params: { path: { id } } });
    return { version, left: data?.devices_left };
  };
  const switchNow = () =>
    confirmOf({ version: gateway.version, left }, readLeft, ({ version, left }) => ({
      title: words.switchTitle,
      text: words.switchText(left ?? 0),
      verb: words.switchNow,
      danger: true,
      action: (headers) =>
        client.POST("/admin/gateways/{id}/key-rotation/switch", { params: because(version, headers) }),
      done: words.switchedNow,
    }));
  const callOff = () =>
    confirmOf(gateway, () => readGateway(id), ({ version }) => ({
      title: words.callOffTitle,
      text: words.callOffText,
      verb: words.callOff,
      action: (headers) =>
        client.DELETE("/admin/gateways/{id}/key-rotation", { params: because(version, headers) }),
      done: words.calledOff,
    }));
  const said =
    status === "waiting_for_node"
      ? words.waiting
      : status === "switched"
        ? words.switched
        : words.announced(switch_at ? <Time at={switch_at} /> : t.unknown);
  return (
    <Paper withBorder p="md" component="section">
      <Stack gap="sm">
        <Group gap="sm" role="status">
          <Status of={status} />
          <Text size="sm">{said}</Text>
        </Group>
        {typeof left === "number" && <Text size="sm">{words.left(left)}</Text>}
        {key && (
          <div>
            <Title order={2} size="h6" mb={4}>
              {status === "switched" ? words.newKey : words.nextKey}
            </Title>
            <CopyBlock text={key} label={words.nextKey} />
          </div>
        )}
        {mayChange && status !== "switched" && (
          <Group>
            {status === "announced" && (
              <Button color="red.8" onClick={switchNow}>
                {words.switchNow}
              </Button>
            )}
            <Button variant="default" onClick={callOff}>
              {words.callOff}
            </Button>
          </Group>
        )}
      </Stack>
    </Paper>
  );
}
