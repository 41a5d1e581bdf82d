import { Alert, Button, Code, Group, ScrollArea, Stack, Text } from "@mantine/core";
import { IconDownload } from "@tabler/icons-react";

import { api } from "../../api/index.ts";
import { Facts } from "../../components/Facts.tsx";
import { Loaded } from "../../components/Loaded.tsx";
import { saveFile } from "../../components/saveFile.ts";
import { t } from "../../text/common.ts";
import { gatewaysText } from "../../text/gateways.ts";
import { LOCALE } from "../../text/locale.ts";

const words = gatewaysText.bundles;
/** More than this makes a page slow; the file has all of it. */
const SHOWN = 200_000;

/** A bundle as it is rendered from the events. */
export function BundleView({ id, revision }: { id: string; revision: number }) {
  const query = api.useQuery("get", "/admin/gateways/{id}/bundle", {
    params: { path: { id }, query: { revision } },
  });
  return (
    <Loaded query={query}>
      {({ as_published, epoch, payload, sha256 }) => {
        const json = JSON.stringify(payload, undefined, 2);
        return (
          <Stack gap="sm">
            {typeof as_published === "boolean" && (
              <Alert color={as_published ? "green" : "orange"}>
                {as_published ? words.same : words.different}
              </Alert>
            )}
            <Facts
              cols={{ base: 1, xs: 2 }}
              facts={[
                [words.peers, payload.devices.length.toLocaleString(LOCALE)],
                [words.profiles, Object.keys(payload.profiles).length.toLocaleString(LOCALE)],
                [words.epoch, epoch],
                [words.sha, sha256],
              ]}
            />
            <Group justify="space-between" gap="xs">
              <Text size="sm" fw={600}>
                {words.json}
              </Text>
              <Button
                size="xs"
                variant="default"
                leftSection={<IconDownload size={14} aria-hidden />}
                onClick={() => saveFile(json, `bundle-${revision}.json`)}
              >
                {t.download}
              </Button>
            </Group>
            {json.length > SHOWN && <Text size="sm">{words.cut}</Text>}
            <ScrollArea.Autosize mah={420} viewportProps={{ tabIndex: 0, "aria-label": words.json, role: "region" }}>
              <Code block>{json.slice(0, SHOWN)}</Code>
            </ScrollArea.Autosize>
          </Stack>
        );
      }}
    </Loaded>
  );
}
