import { Stack, Text } from "@mantine/core";

import { t } from "../text/common.ts";

/** So many are named before it is done to them. */
export const NAMED = 20;

/** What happens to many at once, and to which. */
export function Which({ text, names, total }: { text: string; names: readonly string[]; total: number }) {
  const shown = names.slice(0, NAMED);
  const more = total - shown.length;
  return (
    <Stack gap="xs">
      <Text size="sm">{text}</Text>
      <Text size="sm">
        {t.bulk.which(total)} {shown.join(", ")}
        {more > 0 && ` ${t.andMore(more)}`}
      </Text>
    </Stack>
  );
}
