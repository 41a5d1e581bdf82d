import { Box, Center, Stack, Text } from "@mantine/core";
import type { ReactNode } from "react";

/** Where there is nothing: why, and what to do about it. */
export function Empty({ title, text, children }: { title: string; text?: string; children?: ReactNode }) {
  return (
    <Center py={48} px="md">
      <Stack align="center" gap="xs" maw={480}>
        <Text fw={600} ta="center">
          {title}
        </Text>
        {text !== undefined && (
          <Text c="dimmed" size="sm" ta="center">
            {text}
          </Text>
        )}
        {children && <Box mt="xs">{children}</Box>}
      </Stack>
    </Center>
  );
}
