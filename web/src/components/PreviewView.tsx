import { Anchor, Badge, Divider, Group, List, Paper, SimpleGrid, Stack, Text } from "@mantine/core";
import { useId } from "react";
import { Link } from "react-router";

import type { Schemas } from "../api/client.ts";
import { to } from "../paths.ts";
import { t } from "../text/common.ts";
import { previewText } from "../text/preview.ts";
import { NetworkList } from "./NetworkList.tsx";
import { PreviewWarning } from "./PreviewWarning.tsx";
import { Time } from "./Time.tsx";

type Preview = Schemas["Preview"];
type Effects = Pick<Preview, "devices" | "changes" | "gateways" | "warnings">;
type Destinations = Schemas["PreviewChange"]["gained"];

/** What a change would do at once, and then what the clock would bring of it. */
export function PreviewView({ preview }: { preview: Preview }) {
  const { items, total } = preview.later;
  const unshown = total - items.length;
  return (
    <Stack gap="sm" aria-label={previewText.title} role="group">
      <EffectsView effects={preview} nothing={total === 0 ? previewText.nothing : previewText.nothingAtOnce} />
      {items.map((moment) => (
        <Moment key={moment.at} moment={moment} />
      ))}
      {unshown > 0 && (
        <Text size="sm" c="dimmed">
          {previewText.moreMoments(unshown)}
        </Text>
      )}
    </Stack>
  );
}

function Moment({ moment }: { moment: Preview["later"]["items"][number] }) {
  const heading = useId();
  return (
    <Stack gap="sm" role="group" aria-labelledby={heading}>
      <Divider />
      <Text size="sm" fw={600} id={heading}>
        <Time at={moment.at} />
        {previewText.then(moment.events)}
      </Text>
      <EffectsView effects={moment} nothing={previewText.nothingThen} />
    </Stack>
  );
}

/** Warnings first, then who gains and loses what, then the gateways. */
function EffectsView({ effects, nothing }: { effects: Effects; nothing: string }) {
  const { devices, changes, gateways, warnings } = effects;
  return (
    <>
      {warnings.map((warning) => (
        <PreviewWarning key={warning.code} warning={warning} />
      ))}
      {devices.total === 0 ? (
        <Text size="sm">{nothing}</Text>
      ) : (
        <Text size="sm">
          {previewText.totals(devices.total, devices.gaining, devices.losing)}
          {devices.losing_everything > 0 && ` ${previewText.losingEverything(devices.losing_everything)}`}
        </Text>
      )}
      {changes.items.map((change) => (
        <Paper key={change.devices.items[0]?.device_id} withBorder p="sm">
          <Stack gap="xs">
            <Text size="sm" fw={600}>
              {previewText.devices(change.devices.total)}
            </Text>
            <List size="sm" listStyleType="none">
              {change.devices.items.slice(0, 10).map((device) => (
                <List.Item key={device.device_id}>
                  <Anchor component={Link} to={to.device(device.device_id)} inherit target="_blank">
                    {previewText.of(device.device_name ?? t.erased, device.username ?? t.erased)}
                  </Anchor>
                </List.Item>
              ))}
              {change.devices.total > 10 && (
                <List.Item>{t.andMore(change.devices.total - 10)}</List.Item>
              )}
            </List>
            <SimpleGrid cols={{ base: 1, sm: 2 }}>
              <Side label={previewText.gain} color="green" destinations={change.gained} />
              <Side label={previewText.lose} color="red" destinations={change.lost} />
            </SimpleGrid>
            {change.gained.total + change.lost.total === 0 && (
              <Text size="sm" c="dimmed">
                {previewText.sameReach}
              </Text>
            )}
          </Stack>
        </Paper>
      ))}
      {changes.truncated && (
        <Text size="sm" c="dimmed">
          {previewText.everything}
        </Text>
      )}
      {gateways.total > 0 && (
        <Group gap={6}>
          <Text size="sm">{previewText.gateways(gateways.total)}</Text>
          {gateways.items.map((gateway) => (
            <Badge key={gateway.gateway_id} variant="light" color="gray" tt="none">
              {gateway.name}
            </Badge>
          ))}
        </Group>
      )}
    </>
  );
}

function Side({ label, color, destinations }: { label: string; color: string; destinations: Destinations }) {
  if (destinations.total === 0) {
    return null;
  }
  return (
    <div>
      <Badge variant="light" color={color} tt="none">
        {label}
      </Badge>
      <NetworkList list={destinations} />
    </div>
  );
}
