import { Anchor, Paper, SimpleGrid, Skeleton, Text } from "@mantine/core";
import { Link } from "react-router";

import { to } from "../../paths.ts";
import { homeText } from "../../text/home.ts";
import { lastSeen } from "../devices/device.ts";
import { isConnected } from "../me/connection.ts";
import { useDevices, useGateways, usePolicies, useUserCount } from "./reads.ts";

const words = homeText.tiles;
const DAY = 86_400_000;

/** How many there are of what. */
export function Tiles() {
  const users = useUserCount().data;
  const devices = useDevices().data;
  const policies = usePolicies().data;
  const gateways = useGateways().data;
  const now = Date.now();
  const online = devices?.items.filter((one) => isConnected(one.latest_handshake_at, now)).length ?? 0;
  const seen = devices?.items.filter((one) => now - Date.parse(lastSeen(one) ?? "") < DAY).length ?? 0;
  // Only the newest are read: of the others it is not known whether they are there.
  const some = devices !== undefined && devices.items.length < devices.total;
  const said = (n: number) => (some ? words.atLeast(n) : n.toLocaleString("en"));
  const converged = gateways?.items.filter(({ convergence }) => convergence.status === "in_sync").length ?? 0;
  return (
    <SimpleGrid component="section" aria-label={words.label} cols={{ base: 2, sm: 3, lg: 5 }} spacing="sm">
      <Tile
        label={words.gateways}
        value={gateways && words.ofAll(converged, gateways.total)}
        path={to.gateways()}
      />
      <Tile label={words.online} value={devices && said(online)} hint={words.seen(seen)} path={to.devices()} />
      <Tile label={words.devices} value={devices?.total.toLocaleString("en")} path={to.devices({ status: "active" })} />
      <Tile label={words.users} value={users?.total.toLocaleString("en")} path={to.users()} />
      <Tile label={words.policies} value={policies?.total.toLocaleString("en")} path={to.policies()} />
    </SimpleGrid>
  );
}

function Tile({ label, value, hint, path }: { label: string; value: string | undefined; hint?: string; path: string }) {
  return (
    <Paper withBorder p="md">
      <Anchor component={Link} to={path} size="sm">
        {label}
      </Anchor>
      {value === undefined ? (
        <Skeleton height={28} mt={6} />
      ) : (
        <>
          <Text size="xl" fw={700} className="nums">
            {value}
          </Text>
          {hint !== undefined && (
            <Text size="xs" c="dimmed">
              {hint}
            </Text>
          )}
        </>
      )}
    </Paper>
  );
}
