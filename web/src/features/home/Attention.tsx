import { Anchor, Group, List, Stack, Text } from "@mantine/core";
import { IconAlertTriangle, IconCircleCheck } from "@tabler/icons-react";
import type { ReactNode } from "react";
import { Link } from "react-router";

import { Loaded } from "../../components/Loaded.tsx";
import { Time } from "../../components/Time.tsx";
import { to } from "../../paths.ts";
import { t } from "../../text/common.ts";
import { homeText } from "../../text/home.ts";
import { Panel } from "./Panel.tsx";
import { dayAgo, minuteAt, useDeviceCount, useDueDevices, useFailures, useGateways, usePolicies } from "./reads.ts";
import { type Concern, deviceConcerns, gatewayConcerns, policyConcerns, SOON } from "./summary.ts";

const words = homeText.attention;
/** So many of each kind are named. */
const FEW = 5;

/** What somebody should look at, each with the way there. */
export function Attention() {
  const now = Date.now();
  const since = dayAgo(now);
  const gateways = useGateways();
  const devices = useDueDevices(minuteAt(now, SOON));
  const policies = usePolicies();
  const expired = useDeviceCount("expired");
  const lapsed = useDeviceCount("rotation_lapsed");
  const failures = useFailures(since);
  const all = [gateways, devices, policies, expired, lapsed, failures];
  const query = {
    data: all.every(({ data }) => data !== undefined) ? true : undefined,
    error: all.find(({ error }) => error !== null)?.error ?? null,
    refetch: () => all.map(({ refetch }) => refetch()),
  };
  const unread = (devices.data?.total ?? 0) - (devices.data?.items.length ?? 0);
  const found: { list: Concern[]; more?: number }[] = [
    { list: gatewayConcerns(gateways.data?.items ?? [], now) },
    { list: deviceConcerns(devices.data?.items ?? [], now, t.erased), more: unread },
    { list: policyConcerns(policies.data?.items ?? [], now) },
  ];
  const counted: [number, string, string][] = [
    [lapsed.data?.total ?? 0, words.lapsed(lapsed.data?.total ?? 0), to.devices({ status: "rotation_lapsed" })],
    [expired.data?.total ?? 0, words.expired(expired.data?.total ?? 0), to.devices({ status: "expired" })],
    [
      failures.data?.total ?? 0,
      words.failures(failures.data?.total ?? 0, failures.data?.total_capped === true),
      to.audit({ status: "failure", from: since }),
    ],
  ];
  const nothing = found.every(({ list }) => list.length === 0) && counted.every(([n]) => n === 0);
  return (
    <Panel title={words.title}>
      <Loaded query={query}>
        {() => (
          <Stack gap="xs">
            {nothing ? (
              <Group gap="xs">
                <IconCircleCheck size={20} color="var(--mantine-color-green-light-color)" aria-hidden />
                <Text size="sm">{words.none}</Text>
              </Group>
            ) : (
              <List listStyleType="none" spacing={8} size="sm" styles={{ itemWrapper: { width: "100%" } }}>
                {found.flatMap(({ list, more = 0 }) => [
                  ...list.slice(0, FEW).map((one) => <Item key={`${one.kind} ${one.id}`}>{said(one)}</Item>),
                  ...(list.length > FEW
                    ? [<Item key={`more ${list[0]?.kind}`}>{t.andMore(list.length - FEW + more)}</Item>]
                    : []),
                ])}
                {counted.map(([n, text, path]) =>
                  n === 0 ? null : (
                    <Item key={path}>
                      <Anchor component={Link} to={path} inherit>
                        {text}
                      </Anchor>
                    </Item>
                  ),
                )}
              </List>
            )}
            {gateways.data?.whole === false && (
              <Text size="xs" c="dimmed">
                {words.gatewaysRead(gateways.data.items.length)}
              </Text>
            )}
            {policies.data?.whole === false && (
              <Text size="xs" c="dimmed">
                {words.policiesRead(policies.data.items.length)}
              </Text>
            )}
          </Stack>
        )}
      </Loaded>
    </Panel>
  );
}

function Item({ children }: { children: ReactNode }) {
  return (
    <List.Item>
      <Group gap="xs" wrap="nowrap" align="flex-start">
        <IconAlertTriangle
          size={18}
          color="var(--mantine-color-orange-light-color)"
          aria-hidden
          style={{ flexShrink: 0, marginTop: 2 }}
        />
        <div>{children}</div>
      </Group>
    </List.Item>
  );
}

function said({ kind, id, name, status = "", at }: Concern): ReactNode {
  const link = (path: string, text: string) => (
    <Anchor component={Link} to={path} inherit>
      {text}
    </Anchor>
  );
  switch (kind) {
    case "gateway":
      return (
        <>
          {link(to.gateway(id), words.gateway[status]?.(name) ?? name)}
          {at !== undefined && (
            <>
              , {words.since} <Time at={at} ago />
            </>
          )}
        </>
      );
    case "expires":
      return (
        <>
          {link(to.device(id), words.expires(name))} <Time at={at} ago />
        </>
      );
    case "new_key":
      return at === undefined ? (
        link(to.device(id), words.newKey(name))
      ) : (
        <>
          {link(to.device(id), words.newKeyBy(name))} <Time at={at} ago />
        </>
      );
    case "policy_ends":
      return (
        <>
          {link(to.policy(id), words.policyEnds(name))} <Time at={at} ago />
        </>
      );
  }
}
