import { SimpleGrid, Stack } from "@mantine/core";

import { PageHeader } from "../../components/PageHeader.tsx";
import { homeText } from "../../text/home.ts";
import { Attention } from "./Attention.tsx";
import { FirstSteps } from "./FirstSteps.tsx";
import { Gateways } from "./Gateways.tsx";
import { Latest } from "./Latest.tsx";
import { Tiles } from "./Tiles.tsx";
import { Traffic } from "./Traffic.tsx";

/** How everything is, at a glance. */
export function Page() {
  return (
    <>
      <PageHeader title={homeText.title} />
      <Stack gap="md">
        <FirstSteps />
        <Tiles />
        <SimpleGrid cols={{ base: 1, lg: 2 }} spacing="md">
          <Attention />
          <Gateways />
        </SimpleGrid>
        <Traffic />
        <Latest />
      </Stack>
    </>
  );
}
