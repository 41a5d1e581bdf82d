import { Alert, Text } from "@mantine/core";
import { IconAlertTriangle } from "@tabler/icons-react";

import type { Schemas } from "../api/client.ts";
import { t } from "../text/common.ts";
import { previewText } from "../text/preview.ts";
import { useNames } from "./entityNames.ts";

type Warning = Schemas["PreviewWarning"];

/** So many devices are named. */
const NAMED = 10;

/** What to think about before a change: whoever makes it may lock themselves out, or others. */
export function PreviewWarning({ warning: { code, devices, message } }: { warning: Warning }) {
  // A server that is newer than this page may warn of more.
  const words = (previewText.warnings as Partial<typeof previewText.warnings>)[code];
  const names = [...useNames("device", devices.items.slice(0, NAMED)).values()];
  const rest = devices.total - names.length;
  return (
    <Alert
      color={code === "everything_lost" ? "orange" : "red"}
      icon={<IconAlertTriangle size={18} />}
      role="alert"
      title={words?.title}
    >
      <Text size="sm">{words?.text(devices.total) ?? message}</Text>
      {names.length > 0 && (
        <Text size="sm" mt={4}>
          {names.join(", ")} {rest > 0 && t.andMore(rest)}
        </Text>
      )}
    </Alert>
  );
}
