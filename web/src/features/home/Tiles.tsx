import { Anchor, Paper, SimpleGrid, Skeleton, Text } from "@mantine/core";
import { Link } from "react-router";

import { to } from "../../paths.ts";
import { homeText } from "../../text/home.ts";
import { LOCALE } from "../../text/locale.ts";
import { FRESH } from "../me/connection.ts";
import { dayAgo, minuteAt, useActiveCount, useGateways, usePolicyCount, useUserCount } from "./reads.ts";

const words = homeText.tiles;

/** A list's total, as far as it was counted. */
function total({ total: n, total_capped: capped }: { total: number; total_capped?: boolean | undefined }): string {
  return capped === true ? words.atLeast(n) : n.toLocaleString(LOCALE);
}

/** How many there are of what. */
export function Tiles() {
  const users = useUserCount().data;
  const now = Date.now();
  const devices = useActiveCount().data;
  const online = useActiveCount({ handshake_since: minuteAt(now, -FRESH) }).data;
  const seen = useActiveCount({ seen_since: dayAgo(now) }).data;
  const policies = usePolicyCount().data;
  const gateways = useGateways().data;
  const converged = gateways?.items.filter(({ convergence }) => convergence.status === "in_sync").length ?? 0;
  return (
    <SimpleGrid component="section" aria-label={words.label} cols={{ base: 2, sm: 3, lg: 5 }} spacing="sm">
      <Tile
        label={words.gateways}
        value={gateways && (gateways.whole ? words.ofAll : words.ofFirst)(converged, gateways.items.length)}
        path={to.gateways()}
      />
      <Tile label={words.online} value={online && total(online)} hint={seen && words.seen(total(seen))} path={to.devices()} />
      <Tile label={words.devices} value={devices && total(devices)} path={to.devices({ status: "active" })} />
      <Tile label={words.users} value={users?.total.toLocaleString(LOCALE)} path={to.users()} />
      <Tile label={words.policies} value={policies?.total.toLocaleString(LOCALE)} path={to.policies()} />
    </SimpleGrid>
  );
}

function Tile({ label, value, hint, path }: { label: string; value: string | undefined; hint?: string | undefined; path: string }) {
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
