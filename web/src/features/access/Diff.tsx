import { Anchor, Badge, Button, Group, List, Paper, SimpleGrid, Stack, Text } from "@mantine/core";
import { useEffect, useState } from "react";
import { Link, useSearchParams } from "react-router";

import { api, type Schemas } from "../../api/index.ts";
import { Empty } from "../../components/Empty.tsx";
import { Loaded } from "../../components/Loaded.tsx";
import { fromLocalInput, toLocalInput } from "../../components/localTime.ts";
import { NumberField } from "../../components/NumberField.tsx";
import { servicesText } from "../../components/serviceText.ts";
import { Time } from "../../components/Time.tsx";
import { TimeField } from "../../components/TimeField.tsx";
import { to as path } from "../../paths.ts";
import { accessText } from "../../text/access.ts";
import { t } from "../../text/common.ts";
import { previewText } from "../../text/preview.ts";

const words = accessText.diff;
const HOUR = 3_600_000;
const SHOWN = 20;
type Change = Schemas["PreviewChange"];

/** What changed in who reaches what: between two moments, or by one event. */
export function Diff() {
  const [params, setParams] = useSearchParams();
  // Without anything chosen: the day that ends when the page was opened.
  const [dayAgo] = useState(() => new Date(Date.now() - 24 * HOUR).toISOString());
  const event = Number(params.get("event") ?? "") || undefined;
  const from = params.get("from") ?? dayAgo;
  const to = params.get("to") ?? undefined;
  const asked = event === undefined ? { from, ...(to === undefined ? {} : { to }) } : { event };
  const query = api.useQuery("get", "/admin/access/diff", { params: { query: asked } }, { placeholderData: (before) => before });
  const show = (range: Record<string, string>) =>
    setParams({ tab: "diff", ...range }, { preventScrollReset: true });
  return (
    <Stack gap="lg">
      <Range from={from} to={to} event={event} show={show} />
      <Loaded query={{ ...query, data: query.error === null ? query.data : undefined }}>
        {(diff) => <Changes diff={diff} event={event} />}
      </Loaded>
    </Stack>
  );
}

function Range({
  from,
  to,
  event,
  show,
}: {
  from: string;
  to: string | undefined;
  event: number | undefined;
  show: (range: Record<string, string>) => void;
}) {
  const [begin, setBegin] = useState(toLocalInput(from));
  const [end, setEnd] = useState(toLocalInput(to));
  const [number, setNumber] = useState<number | string>(event ?? "");
  useEffect(() => {
    setBegin(toLocalInput(from));
    setEnd(toLocalInput(to));
    setNumber(event ?? "");
  }, [from, to, event]);
  const presets = [
    [words.presets.hour, HOUR],
    [words.presets.day, 24 * HOUR],
    [words.presets.week, 7 * 24 * HOUR],
  ] as const;
  return (
    <form
      onSubmit={(submit) => {
        submit.preventDefault();
        if (typeof number === "number") {
          show({ event: String(number) });
          return;
        }
        const until = fromLocalInput(end);
        const since = fromLocalInput(begin);
        show({ ...(since === null ? {} : { from: since }), ...(until === null ? {} : { to: until }) });
      }}
    >
      <Stack gap="sm">
        <Group gap="xs">
          {presets.map(([label, span]) => (
            <Button
              key={label}
              size="xs"
              variant="default"
              onClick={() => show({ from: new Date(Date.now() - span).toISOString() })}
            >
              {label}
            </Button>
          ))}
        </Group>
        <Group gap="sm" align="flex-start">
          <TimeField
            step={1}
            label={words.from}
            disabled={typeof number === "number"}
            value={begin}
            onChange={(change) => setBegin(change.currentTarget.value)}
          />
          <TimeField
            step={1}
            label={words.to}
            empty={words.toHint}
            disabled={typeof number === "number"}
            value={end}
            onChange={(change) => setEnd(change.currentTarget.value)}
          />
          <NumberField
            label={words.event}
            w={240}
            value={number}
            onChange={setNumber}
          />
          <Button type="submit" mt={{ base: 0, xs: 25 }}>
            {words.show}
          </Button>
        </Group>
      </Stack>
    </form>
  );
}

function Changes({ diff, event }: { diff: Schemas["AccessDiff"]; event: number | undefined }) {
  const { devices, changes, gateways, from, to } = diff;
  const range = { from: String(from.idx + 1), to: String(to.idx) };
  return (
    <Stack gap="sm" role="region" aria-live="polite" aria-label={accessText.tabs.diff}>
      <Text size="sm" c="dimmed">
        {event === undefined ? words.between(<Moment moment={from} />, <Moment moment={to} />) : words.ofEvent(event)}{" "}
        {from.idx < to.idx && (
          <Anchor component={Link} to={path.audit(range)} inherit underline="always">
            {words.events}
          </Anchor>
        )}
      </Text>
      {devices.total === 0 ? (
        <Empty title={words.nothing} />
      ) : (
        <Text fw={600}>
          {words.totals(devices.total, devices.gaining, devices.losing)}
          {devices.losing_everything > 0 && ` ${words.losingEverything(devices.losing_everything)}`}
        </Text>
      )}
      {changes.items.map((change) => (
        <ChangeView key={change.devices.items[0]?.device_id} change={change} />
      ))}
      {changes.truncated && (
        <Text size="sm" c="dimmed">
          {words.more}
        </Text>
      )}
      {gateways.total > 0 && (
        <Group gap={6}>
          <Text size="sm">{words.gateways(gateways.total)}</Text>
          {gateways.items.map(({ gateway_id, name }) => (
            <Anchor key={gateway_id} component={Link} to={path.gateway(gateway_id)} size="sm">
              {name}
            </Anchor>
          ))}
        </Group>
      )}
    </Stack>
  );
}

function Moment({ moment: { idx, time } }: { moment: Schemas["Moment"] }) {
  return time ? words.moment(<Time at={time} />, accessText.entry(idx)) : words.beginning;
}

/** Devices that gained and lost the same. */
function ChangeView({ change: { devices, gained, lost } }: { change: Change }) {
  return (
    <Paper withBorder p="sm">
      <Stack gap="xs">
        <List size="sm" listStyleType="none">
          {devices.items.slice(0, SHOWN).map(({ device_id, device_name, username, status_before, status_after }) => (
            <List.Item key={device_id}>
              <Anchor component={Link} to={path.device(device_id)} inherit>
                {previewText.of(device_name ?? t.erased, username ?? t.erased)}
              </Anchor>{" "}
              {status_before !== status_after && (
                <Text span inherit c="dimmed">
                  {words.statusChange(status_before ? name(status_before) : words.isNew, name(status_after))}
                </Text>
              )}
            </List.Item>
          ))}
          {devices.total > SHOWN && <List.Item>{t.andMore(devices.total - SHOWN)}</List.Item>}
        </List>
        {gained.total === 0 && lost.total === 0 ? (
          <Text size="sm" c="dimmed">
            {words.statusOnly}
          </Text>
        ) : (
          <SimpleGrid cols={{ base: 1, sm: 2 }}>
            <Side label={words.gained} color="green" destinations={gained} which="after" />
            <Side label={words.lost} color="red" destinations={lost} which="before" />
          </SimpleGrid>
        )}
      </Stack>
    </Paper>
  );
}

function name(status: string): string {
  return t.status[status] ?? status;
}

function Side({
  label,
  color,
  destinations,
  which,
}: {
  label: string;
  color: string;
  destinations: Change["gained"];
  /** Whose policy allowed it: what is gained is allowed afterwards, what is lost was before. */
  which: "before" | "after";
}) {
  if (destinations.total === 0) {
    return null;
  }
  return (
    <div>
      <Badge variant="light" color={color} tt="none">
        {label}
      </Badge>
      <List size="sm" mt={4} listStyleType="none">
        {destinations.items.map((one, n) => {
          const { policy, decided_by } = one[which];
          return (
            <List.Item key={n}>
              <Text span inherit ff="monospace">
                {one.network}
              </Text>{" "}
              <Text span inherit c="dimmed">
                {servicesText(one.services)} ·{" "}
              </Text>
              {policy ? (
                <Anchor component={Link} to={path.policy(policy.id)} inherit>
                  {policy.name}
                </Anchor>
              ) : (
                (accessText.builtIn[decided_by] ?? decided_by)
              )}
            </List.Item>
          );
        })}
        {destinations.truncated && <List.Item>{t.andMore(destinations.total - destinations.items.length)}</List.Item>}
      </List>
    </div>
  );
}
