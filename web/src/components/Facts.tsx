import { SimpleGrid, Text } from "@mantine/core";
import type { ReactNode } from "react";

/** What is known about something: each with its name above it. */
export function Facts({ facts, cols = { base: 1, xs: 2, lg: 4 } }: {
  facts: readonly (readonly [label: string, value: ReactNode])[];
  cols?: Record<string, number>;
}) {
  return (
    <SimpleGrid component="dl" cols={cols} spacing="md" verticalSpacing="sm" m={0}>
      {facts.map(([label, value]) => (
        <div key={label}>
          <Text component="dt" size="sm" c="dimmed">
            {label}
          </Text>
          <Text component="dd" size="sm" m={0} fw={500}>
            {value ?? "–"}
          </Text>
        </div>
      ))}
    </SimpleGrid>
  );
}
