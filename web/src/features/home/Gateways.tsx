import { Anchor, Group, Stack, Text } from "@mantine/core";
import { Link } from "react-router";

import { Empty } from "../../components/Empty.tsx";
import { Loaded } from "../../components/Loaded.tsx";
import { Status } from "../../components/Status.tsx";
import { Time } from "../../components/Time.tsx";
import { to } from "../../paths.ts";
import { t } from "../../text/common.ts";
import { homeText } from "../../text/home.ts";
import { Panel } from "./Panel.tsx";
import { useGateways } from "./reads.ts";

const words = homeText.gateways;
const SHOWN = 8;

/** How each gateway stands to its newest bundle. */
export function Gateways() {
  const query = useGateways();
  return (
    <Panel
      title={words.title}
      aside={
        <Anchor component={Link} to={to.gateways()} size="sm">
          {words.all}
        </Anchor>
      }
    >
      <Loaded query={query}>
        {({ items, total }) =>
          items.length === 0 ? (
            <Empty title={words.none} text={words.noneHint} />
          ) : (
            <Stack gap="sm">
              {items.slice(0, SHOWN).map(({ id, name, device_count, convergence }) => (
                <Group key={id} justify="space-between" gap="xs" align="flex-start" wrap="nowrap">
                  <div>
                    <Anchor component={Link} to={to.gateway(id)} size="sm" fw={600}>
                      {name}
                    </Anchor>
                    <Text size="xs" c="dimmed">
                      {words.devices(device_count)}
                      {convergence.last_report_at && (
                        <>
                          {" · "}
                          {words.reported} <Time at={convergence.last_report_at} ago />
                        </>
                      )}
                    </Text>
                  </div>
                  <Status
                    of={convergence.status}
                    {...(convergence.status === "behind" && convergence.revisions_behind
                      ? { label: words.behind(convergence.revisions_behind) }
                      : {})}
                  />
                </Group>
              ))}
              {total > SHOWN && (
                <Text size="sm" c="dimmed">
                  {t.andMore(total - SHOWN)}
                </Text>
              )}
            </Stack>
          )
        }
      </Loaded>
    </Panel>
  );
}
