import { ActionIcon, Alert, Box, Code, CopyButton, Stack, Text, Tooltip } from "@mantine/core";
import { IconCheck, IconCopy } from "@tabler/icons-react";
import type { ReactNode } from "react";

import { t } from "../text/common.ts";

/** Something to paste elsewhere. */
export function CopyBlock({ text, label }: { text: string; label: string }) {
  return (
    <Box pos="relative">
      <Code block pr={44} tabIndex={0} aria-label={label} style={{ whiteSpace: "pre-wrap" }}>
        {text}
      </Code>
      <CopyButton value={text}>
        {({ copied, copy }) => (
          <Tooltip label={copied ? t.copied : t.copy}>
            <ActionIcon
              variant="subtle"
              color={copied ? "green" : "gray"}
              pos="absolute"
              top={6}
              right={6}
              aria-label={`${t.copy}: ${label}`}
              onClick={copy}
            >
              {copied ? <IconCheck size={16} /> : <IconCopy size={16} />}
            </ActionIcon>
          </Tooltip>
        )}
      </CopyButton>
    </Box>
  );
}

/** A secret that nobody is shown again. */
export function OneTime({ text, label, hint }: { text: string; label: string; hint?: ReactNode }) {
  return (
    <Alert color="yellow" title={label}>
      <Stack gap="xs">
        <Text size="sm">{hint ?? t.oneTime}</Text>
        <CopyBlock text={text} label={label} />
      </Stack>
    </Alert>
  );
}
