import { Anchor, Box, Group, Text, Title } from "@mantine/core";
import type { ReactNode } from "react";
import { Link } from "react-router";

import { t } from "../text/common.ts";

/** The head of a page: its name, where it belongs, and what can be done. */
export function PageHeader({
  title,
  up,
  badge,
  text,
  children,
}: {
  title: string;
  /** The page above it. */
  up?: { label: string; to: string };
  /** Beside the title: a status. */
  badge?: ReactNode;
  /** One line about what the page is for. */
  text?: ReactNode;
  /** The actions. */
  children?: ReactNode;
}) {
  return (
    <Box mb="lg">
      <title>{`${title} · ${t.product}`}</title>
      {up !== undefined && (
        <Anchor component={Link} to={up.to} size="sm">
          {up.label}
        </Anchor>
      )}
      <Group justify="space-between" align="flex-start" gap="sm">
        <Group gap="sm" align="center" style={{ minWidth: 0 }}>
          <Title order={1} size="h2">
            {title}
          </Title>
          {badge}
        </Group>
        <Group gap="xs">{children}</Group>
      </Group>
      {text !== undefined && (
        <Text c="dimmed" size="sm" mt="xs" maw={760}>
          {text}
        </Text>
      )}
    </Box>
  );
}
