import { Alert, Button, Paper, SimpleGrid, Stack, Text, Title } from "@mantine/core";
import { IconRefresh, IconShieldCheck, IconShieldX } from "@tabler/icons-react";
import type { ReactNode } from "react";

import { Loaded } from "../../components/Loaded.tsx";
import { CopyBlock } from "../../components/OneTime.tsx";
import { PageHeader } from "../../components/PageHeader.tsx";
import { Time } from "../../components/Time.tsx";
import { to } from "../../paths.ts";
import { t } from "../../text/common.ts";
import { verifyText } from "../../text/verify.ts";
import { EventProof } from "./EventProof.tsx";
import { Findings } from "./Findings.tsx";
import { Offline } from "./Offline.tsx";
import { Pins } from "./Pins.tsx";
import { CAN_CHECK, useChecked } from "./useChecked.ts";
import { type Checked, NoProof } from "./verify.ts";

const words = verifyText;

/** Whether anybody edited the audit log. */
export function Page() {
  const query = useChecked();
  const again = () => void query.refetch();
  const error = query.error instanceof NoProof ? new Error(words.unprovable) : query.error;
  return (
    <>
      <PageHeader
        title={t.navigation.verify}
        up={{ label: t.navigation.audit, to: to.audit() }}
        text={words.about}
      >
        {CAN_CHECK && (
          <Button
            variant="default"
            leftSection={<IconRefresh size={16} aria-hidden />}
            loading={query.isFetching}
            onClick={again}
          >
            {words.checkAgain}
          </Button>
        )}
      </PageHeader>
      <Stack gap="xl">
        {CAN_CHECK ? (
          <Loaded query={{ ...query, error }}>
            {(checked) => (
              <SimpleGrid cols={{ base: 1, lg: 2 }} spacing="xl">
                <Verdict checked={checked} at={checked.at} again={again} />
                <TheCheckpoint checked={checked} />
              </SimpleGrid>
            )}
          </Loaded>
        ) : (
          <Alert color="orange" title={words.insecureTitle}>
            {words.insecure}
          </Alert>
        )}
        <Section title={words.meaningTitle}>
          <Text size="sm" maw={820}>
            {words.meaning}
          </Text>
        </Section>
        {CAN_CHECK && (
          <Section title={words.event.title}>
            <EventProof checked={query.data} />
          </Section>
        )}
        {query.data !== undefined && (
          <Section title={words.pins.title}>
            <Pins checked={query.data} />
          </Section>
        )}
        <Section title={words.offline.title}>
          <Offline checked={query.data} />
        </Section>
      </Stack>
    </>
  );
}

function Section({ title, children }: { title: string; children: ReactNode }) {
  return (
    <section>
      <Title order={2} size="h4" mb="xs">
        {title}
      </Title>
      {children}
    </section>
  );
}

/** In big words, and then what was checked. */
function Verdict({ checked, at, again }: { checked: Checked; at: string; again: () => void }) {
  const Icon = checked.good ? IconShieldCheck : IconShieldX;
  const color = checked.good ? "var(--mantine-color-green-light-color)" : "var(--mantine-color-error)";
  const { behind } = checked.log;
  return (
    <Paper withBorder p="lg" component="section" role="status">
      <Stack gap="md">
        <div>
          <Icon size={40} color={color} aria-hidden />
          <Title order={2} size="h3">
            {checked.good ? words.goodTitle(checked.checkpoint.size) : words.badTitle}
          </Title>
          <Text size="sm" c="dimmed">
            {words.at} <Time at={at} />. {behind > 0 && words.behind(behind)}
          </Text>
        </div>
        {!checked.good && (
          <Alert color="red" role="alert">
            {words.badText}
          </Alert>
        )}
        <Findings checked={checked} again={again} />
      </Stack>
    </Paper>
  );
}

function TheCheckpoint({ checked }: { checked: Checked }) {
  return (
    <Paper withBorder p="lg" component="section">
      <Title order={2} size="h4">
        {words.checkpoint}
      </Title>
      <Text size="sm" c="dimmed" mb="xs">
        {words.checkpointHint}
      </Text>
      <CopyBlock text={checked.note} label={words.checkpoint} />
      <Text size="sm" mt="sm">
        <Text span inherit fw={600}>
          {words.log}:
        </Text>{" "}
        {checked.log.origin}
      </Text>
      <Text size="sm" fw={600} mt="sm">
        {words.key}
      </Text>
      <Text size="sm" c="dimmed" mb="xs">
        {words.keyHint}
      </Text>
      <CopyBlock text={checked.log.verifier} label={words.key} />
    </Paper>
  );
}
