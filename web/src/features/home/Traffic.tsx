import { NativeSelect, Text } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { useMemo, useState } from "react";

import { client } from "../../api/index.ts";
import { Chart } from "../../components/Chart.tsx";
import { Empty } from "../../components/Empty.tsx";
import { Loaded } from "../../components/Loaded.tsx";
import { bitsPerSecond } from "../../components/units.ts";
import { homeText } from "../../text/home.ts";
import { Panel } from "./Panel.tsx";
import { useGateways } from "./reads.ts";
import { traffic } from "./summary.ts";

const words = homeText.traffic;
const SPAN = 3 * 3_600_000;
const STEP = 60_000;
/** Each costs a request. */
const FIRST = 12;

/** What went through the tunnels, of one gateway or of all together. */
export function Traffic() {
  const [chosen, setChosen] = useState<string | null>(null);
  const gateways = useGateways();
  const joined = gateways.data?.items.filter(({ joined_at }) => joined_at) ?? [];
  const ids = chosen === null ? joined.slice(0, FIRST).map(({ id }) => id) : [chosen];
  const metrics = useQuery({
    queryKey: ["home", "traffic", ids],
    queryFn: () => {
      // Whole steps, so that those of all gateways are the same.
      const end = Math.floor(Date.now() / STEP) * STEP;
      const query = {
        from: new Date(end - SPAN).toISOString(),
        to: new Date(end + STEP).toISOString(),
        step: STEP / 1000,
      };
      const read = async (id: string) => {
        const { data } = await client.GET("/admin/gateways/{id}/metrics", { params: { path: { id }, query } });
        return data === undefined ? [] : [data];
      };
      return Promise.all(ids.map(read)).then((answers) => answers.flat());
    },
    enabled: gateways.data !== undefined,
    refetchInterval: STEP,
    placeholderData: (before) => before,
  });
  const rates = useMemo(() => traffic(metrics.data ?? []), [metrics.data]);
  const series = useMemo(
    () => [
      { label: words.received, values: rates.received },
      { label: words.sent, values: rates.sent },
    ],
    [rates],
  );
  return (
    <Panel
      title={words.title}
      aside={
        joined.length > 1 && (
          <NativeSelect
            size="xs"
            w={180}
            aria-label={words.gateway}
            data={[{ value: "", label: words.all }, ...joined.map(({ id, name }) => ({ value: id, label: name }))]}
            value={chosen ?? ""}
            onChange={(event) => setChosen(event.currentTarget.value || null)}
          />
        )
      }
    >
      <Loaded query={gateways.data === undefined ? { ...gateways, data: undefined } : metrics}>
        {() =>
          rates.times.length === 0 ? (
            <Empty title={words.none} text={words.noneHint} />
          ) : (
            <>
              <Chart label={words.title} times={rates.times} series={series} format={bitsPerSecond} height={200} />
              {chosen === null && joined.length > FIRST && (
                <Text size="xs" c="dimmed">
                  {words.first(FIRST)}
                </Text>
              )}
            </>
          )
        }
      </Loaded>
    </Panel>
  );
}
