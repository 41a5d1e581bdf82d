import { Anchor, Paper, SimpleGrid, Skeleton, Text } from "@mantine/core";
import { Link } from "react-router";

import { to } from "../../paths.ts";
import { t } from "../../text/common.ts";
import { homeText } from "../../text/home.ts";
import { LOCALE } from "../../text/locale.ts";
import { FRESH } from "../me/connection.ts";
import { dayAgo, minuteAt, useActiveCount, useGateways, usePolicyCount, useUserCount } from "./reads.ts";

const words = homeText.tiles;

/** A list's total, as far as it was counted. */
function total({ total: n, total_capped: capped }: { total: number; total_capped?: boolean | undefined }): string {
  return capped === true ? words.atLeast(n) : n.toLocaleString(LOCALE);
}

/** A read, as far as a tile goes. */
interface Read<T> {
  readonly data: T | undefined;
  readonly isError: boolean;
}

/** What a tile says of a read; null where it failed, nothing while it is under way. */
function said<T>({ data, isError }: Read<T>, say: (data: T) => string): string | null | undefined {
  return data !== undefined ? say(data) : isError ? null : undefined;
}

/** How many there are of what. */
export function Tiles() {
  const users = useUserCount();
  const now = Date.now();
  const devices = useActiveCount();
  const online = useActiveCount({ handshake_since: minuteAt(now, -FRESH) });
  const seen = useActiveCount({ seen_since: dayAgo(now) });
  const policies = usePolicyCount();
  const gateways = useGateways();
  const converged = ({ items, whole }: NonNullable<typeof gateways.data>) =>
    (whole ? words.ofAll : words.ofFirst)(
      items.filter(({ convergence }) => convergence.status === "in_sync").length,
      items.length,
    );
  return (
    <SimpleGrid component="section" aria-label={words.label} cols={{ base: 2, sm: 3, lg: 5 }} spacing="sm">
      <Tile label={words.gateways} value={said(gateways, converged)} path={to.gateways()} />
      <Tile
        label={words.online}
        value={said(online, total)}
        hint={said(seen, (page) => words.seen(total(page)))}
        path={to.devices()}
      />
      <Tile label={words.devices} value={said(devices, total)} path={to.devices({ status: "active" })} />
      <Tile label={words.users} value={said(users, total)} path={to.users()} />
      <Tile label={words.policies} value={said(policies, total)} path={to.policies()} />
    </SimpleGrid>
  );
}

function Tile({
  label,
  value,
  hint,
  path,
}: {
  label: string;
  value: string | null | undefined;
  hint?: string | null | undefined;
  path: string;
}) {
  return (
    <Paper withBorder p="md">
      <Anchor component={Link} to={path} size="sm">
        {label}
      </Anchor>
      {value === undefined ? (
        <Skeleton height={28} mt={6} />
      ) : value === null ? (
        <Text size="sm" c="dimmed">
          {t.unread}
        </Text>
      ) : (
        <>
          <Text size="xl" fw={700} className="nums">
            {value}
          </Text>
          {typeof hint === "string" && (
            <Text size="xs" c="dimmed">
              {hint}
            </Text>
          )}
        </>
      )}
    </Paper>
  );
}
