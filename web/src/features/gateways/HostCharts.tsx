import { Group, Paper, SegmentedControl, Select, SimpleGrid, Stack, Text, Title } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { type ReactNode, useMemo, useState } from "react";

import { client, type Schemas } from "../../api/index.ts";
import { Chart } from "../../components/Chart.tsx";
import { Empty } from "../../components/Empty.tsx";
import { Facts } from "../../components/Facts.tsx";
import { Loaded } from "../../components/Loaded.tsx";
import { bitsPerSecond, bytes, percent } from "../../components/units.ts";
import { gatewaysText } from "../../text/gateways.ts";
import { type Range, RANGES, seriesOf } from "./metrics.ts";

const words = gatewaysText.node;
const OFTEN = 30_000;
const CHOICES = (Object.keys(RANGES) as Range[]).map((value) => ({ value, label: words.ranges[value] }));

async function readMetrics(id: string, range: Range): Promise<Schemas["HostMetricsAnswer"]> {
  const { span, step } = RANGES[range];
  const from = new Date(Date.now() - span * 1000).toISOString();
  const params = { path: { id }, query: { from, step } };
  const { data } = await client.GET("/admin/gateways/{id}/metrics", { params });
  if (data === undefined) {
    throw new Error(`GET /admin/gateways/${id}/metrics had no body`);
  }
  return data;
}

/** How the gateway's host has been, over a range that can be chosen. */
export function HostCharts({ id }: { id: string }) {
  const [range, setRange] = useState<Range>("hour");
  const query = useQuery({
    queryKey: ["gateway-metrics", id, range],
    queryFn: () => readMetrics(id, range),
    refetchInterval: OFTEN,
    placeholderData: (before) => before,
  });
  const choose = (value: string | null) => value !== null && setRange(value as Range);
  return (
    <Paper withBorder p="md" component="section">
      <Group justify="space-between" mb="sm" gap="xs">
        <Title order={2} size="h4">
          {words.host}
        </Title>
        <SegmentedControl
          size="xs"
          visibleFrom="sm"
          aria-label={words.range}
          data={CHOICES}
          value={range}
          onChange={choose}
        />
        <Select
          size="xs"
          w={110}
          hiddenFrom="sm"
          aria-label={words.range}
          data={CHOICES}
          value={range}
          allowDeselect={false}
          onChange={choose}
        />
      </Group>
      <Loaded query={query}>{(answer) => <Host answer={answer} />}</Loaded>
    </Paper>
  );
}

function Host({ answer }: { answer: Schemas["HostMetricsAnswer"] }) {
  const { host, points } = answer;
  const series = useMemo(() => seriesOf(answer), [answer]);
  // The same arrays as long as the answer is the same: a chart is drawn anew for others.
  const charts = useMemo(
    () => ({
      cpu: [
        { label: words.cpuAverage, values: series.busy },
        { label: words.cpuMax, values: series.busyMax },
      ],
      memory: [{ label: words.used, values: series.memory }],
      disk: [{ label: words.used, values: series.disk }],
      interfaces: [...series.interfaces].map(([name, { rx, tx }]) => ({
        name,
        series: [
          { label: words.received, values: rx },
          { label: words.sent, values: tx },
        ],
      })),
    }),
    [series],
  );
  if (points.length === 0) {
    return <Empty title={words.noSamples} text={words.noSamplesHint} />;
  }
  const { times } = series;
  return (
    <Stack>
      {host && (
        <Facts
          facts={[
            [words.system, `${host.os_name} ${host.os_version}`],
            [words.kernel, host.kernel],
            [words.cpus, host.cpus],
          ]}
        />
      )}
      <SimpleGrid cols={{ base: 1, lg: 2 }}>
        <Named title={words.cpu}>
          <Chart label={words.cpu} times={times} series={charts.cpu} format={percent} />
        </Named>
        {charts.interfaces.map(({ name, series }) => (
          <Named key={name} title={words.traffic(name)}>
            <Chart label={words.traffic(name)} times={times} series={series} format={bitsPerSecond} />
          </Named>
        ))}
        <Named title={words.memory}>
          <Chart label={words.memory} times={times} series={charts.memory} format={bytes} />
        </Named>
        <Named title={words.disk}>
          <Chart label={words.disk} times={times} series={charts.disk} format={bytes} />
        </Named>
      </SimpleGrid>
    </Stack>
  );
}

function Named({ title, children }: { title: string; children: ReactNode }) {
  return (
    <div style={{ minWidth: 0 }}>
      <Text size="sm" fw={600} mb={4}>
        {title}
      </Text>
      {children}
    </div>
  );
}
