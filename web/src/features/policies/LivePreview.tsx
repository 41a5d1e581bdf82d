import { Alert, Box, Button, Group, Loader, Paper, Stack, Text, Title } from "@mantine/core";
import { IconCheck } from "@tabler/icons-react";
import type { ReactNode } from "react";

import { ApiError } from "../../api/client.ts";
import { panelOnDemand } from "../../components/onDemand.tsx";
import { messageOf } from "../../components/problem.ts";
import { policiesText } from "../../text/policies.ts";
import { previewText } from "../../text/preview.ts";
import type { Live } from "./useLivePreview.ts";

const words = policiesText.preview;

// Shown with the first answer, which takes a moment longer than this file.
const PreviewView = panelOnDemand(
  () => import("../../components/PreviewView.tsx").then((file) => file.PreviewView),
  () => null,
);

/** Beside the form: what saving it would do. Below: what can be done with it. */
export function LivePreview({
  live,
  onStale,
  children,
}: {
  live: Live;
  /** Shows what somebody else has made of it. */
  onStale: () => void;
  children: ReactNode;
}) {
  return (
    <Box pos={{ base: "static", lg: "sticky" }} top={72}>
      <Paper withBorder p="md">
        <Stack gap="sm">
          <Group justify="space-between" wrap="nowrap" align="flex-start">
            <Title order={2} size="h4" id="live-preview">
              {words.title}
            </Title>
            <Progress live={live} />
          </Group>
          <Box
            mah={{ base: "none", lg: "calc(100vh - 330px)" }}
            style={{ overflowY: "auto" }}
            tabIndex={0}
            role="region"
            aria-labelledby="live-preview"
          >
            <Answer live={live} onStale={onStale} />
          </Box>
          {children}
        </Stack>
      </Paper>
    </Box>
  );
}

function Progress({ live }: { live: Live }) {
  if (live.state !== "asked" || live.error !== undefined) {
    return null;
  }
  return live.current ? (
    <Group gap={4} wrap="nowrap" role="status" c="dimmed">
      <IconCheck size={14} aria-hidden />
      <Text size="xs">{words.upToDate}</Text>
    </Group>
  ) : (
    <Group gap={6} wrap="nowrap" role="status" c="dimmed">
      <Loader size={12} />
      <Text size="xs">{words.waiting}</Text>
    </Group>
  );
}

function Answer({ live, onStale }: { live: Live; onStale: () => void }) {
  const { state, preview, error, current } = live;
  if (state === "incomplete") {
    return <Text size="sm">{words.incomplete}</Text>;
  }
  if (state === "unchanged") {
    return <Text size="sm">{words.unchanged}</Text>;
  }
  if (error instanceof ApiError && error.status === 412) {
    return (
      <Alert color="orange" role="alert">
        <Stack gap="xs" align="flex-start">
          {words.stale}
          <Button size="xs" variant="default" onClick={onStale}>
            {words.compare}
          </Button>
        </Stack>
      </Alert>
    );
  }
  if (error !== undefined) {
    return (
      <Alert color="orange">
        {previewText.unavailable} {messageOf(error)}
      </Alert>
    );
  }
  return preview === undefined ? null : (
    <Box opacity={current ? 1 : 0.6} aria-busy={!current}>
      <PreviewView preview={preview} />
    </Box>
  );
}
