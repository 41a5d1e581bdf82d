import { Anchor, Button, Paper, SimpleGrid, Stack, Text, ThemeIcon, Title } from "@mantine/core";
import { useDisclosure } from "@mantine/hooks";
import { IconPlus } from "@tabler/icons-react";

import { api } from "../../api/index.ts";
import type { paths } from "../../api/schema.d.ts";
import { Loaded } from "../../components/Loaded.tsx";
import { dialogOnDemand, isOpened } from "../../components/onDemand.tsx";
import { PageHeader } from "../../components/PageHeader.tsx";
import { Pager } from "../../components/Pager.tsx";
import { PastEnd } from "../../components/PastEnd.tsx";
import { useListState } from "../../components/useListState.ts";
import { meText } from "../../text/me.ts";
import { MyDevice } from "./MyDevice.tsx";

const EnrolDevice = dialogOnDemand(
  () => import("../devices/EnrolDevice.tsx").then((file) => file.EnrolDevice),
  isOpened,
);

type Query = NonNullable<paths["/me/devices"]["get"]["parameters"]["query"]>;

/** How often it is read whether devices are connected, in milliseconds. */
const REFRESH = 30_000;

/** One's own devices: the first page of everybody who does not administer. */
export function Page() {
  const [adding, add] = useDisclosure(false);
  const list = useListState();
  const query = api.useQuery(
    "get",
    "/me/devices",
    { params: { query: list.query as Query } },
    { refetchInterval: REFRESH, placeholderData: (before) => before },
  );
  const some = (query.data?.items.length ?? 0) > 0;
  const button = (
    <Button leftSection={<IconPlus size={16} aria-hidden />} onClick={add.open} data-create>
      {meText.add}
    </Button>
  );
  return (
    <>
      <PageHeader title={meText.title} text={meText.intro}>
        {some && button}
      </PageHeader>
      <Loaded query={query}>
        {(page) =>
          page.items.length === 0 ? (
            list.atFirst ? (
              <Welcome>{button}</Welcome>
            ) : (
              <PastEnd list={list} />
            )
          ) : (
            <Stack>
              <SimpleGrid
                component="ul"
                aria-label={meText.label}
                cols={{ base: 1, sm: 2, xl: 3 }}
                p={0}
                m={0}
                style={{ listStyle: "none" }}
              >
                {page.items.map((device) => (
                  <li key={device.id}>
                    <MyDevice device={device} />
                  </li>
                ))}
              </SimpleGrid>
              {(page.items.length < page.total || !list.atFirst) && <Pager page={page} list={list} />}
              <Text size="sm" c="dimmed">
                {meText.lost}
              </Text>
            </Stack>
          )
        }
      </Loaded>
      <EnrolDevice owner="me" opened={adding} onClose={add.close} />
    </>
  );
}

/** For whoever has no device yet, and may never have used a VPN. */
function Welcome({ children }: { children: React.ReactNode }) {
  return (
    <Paper withBorder p={{ base: "md", sm: "xl" }} maw={960}>
      <Stack gap="lg">
        <div>
          <Title order={2} size="h3">
            {meText.welcome}
          </Title>
          <Text mt={4}>{meText.welcomeText}</Text>
        </div>
        <SimpleGrid component="ol" cols={{ base: 1, sm: 3 }} p={0} m={0} style={{ listStyle: "none" }}>
          {meText.steps.map(({ title, text }, n) => (
            <li key={title}>
              <Stack gap={6}>
                <ThemeIcon variant="light" size={36} radius="xl" aria-hidden>
                  <Text fw={700}>{n + 1}</Text>
                </ThemeIcon>
                <Text fw={600}>{title}</Text>
                <Text size="sm" c="dimmed">
                  {text}
                </Text>
                {n === 0 && (
                  <Anchor size="sm" href={meText.appUrl} target="_blank" rel="noreferrer">
                    {meText.getApp}
                  </Anchor>
                )}
              </Stack>
            </li>
          ))}
        </SimpleGrid>
        <div>{children}</div>
      </Stack>
    </Paper>
  );
}
