import { Alert, Modal, Stack, Text, Title } from "@mantine/core";

import { Facts } from "../../components/Facts.tsx";
import { History } from "../../components/History.tsx";
import { Time } from "../../components/Time.tsx";
import { t } from "../../text/common.ts";
import { webhooksText } from "../../text/webhooks.ts";
import type { Webhook } from "./webhookForm.ts";
import { WebhookState } from "./WebhookState.tsx";

/** How a webhook's endpoint stands in full, and what was done to it. */
export function WebhookDetails({ webhook, onClose }: { webhook: Webhook | undefined; onClose: () => void }) {
  return (
    <Modal opened={webhook !== undefined} onClose={onClose} title={webhooksText.details.title} size="xl">
      {webhook !== undefined && <Details webhook={webhook} />}
    </Modal>
  );
}

function Details({ webhook }: { webhook: Webhook }) {
  const { details } = webhooksText;
  const { delivery } = webhook;
  const time = (at: string | null | undefined) => (at ? <Time at={at} ago /> : undefined);
  return (
    <Stack>
      <Text fw={600}>{webhook.url}</Text>
      {webhook.description !== "" && <Text size="sm">{webhook.description}</Text>}
      {webhook.disabled_because && (
        <Alert color="gray">{webhooksText.because[webhook.disabled_because] ?? webhook.disabled_because}</Alert>
      )}
      {delivery?.last_error && (
        <Alert color="red" title={details.lastError}>
          {delivery.last_error}
        </Alert>
      )}
      <Facts
        cols={{ base: 1, xs: 2, sm: 3 }}
        facts={[
          [webhooksText.state, <WebhookState key="state" webhook={webhook} />],
          [webhooksText.events, webhook.event_types.length === 0 ? webhooksText.allEvents : webhook.event_types.join(", ")],
          [webhooksText.behind, delivery ? webhooksText.behindEvents(delivery.behind) : undefined],
          [details.cursor, delivery?.cursor],
          [webhooksText.delivered, time(delivery?.delivered_at)],
          [details.lastAttempt, time(delivery?.last_attempt_at)],
          [details.lastStatus, delivery?.last_status],
          [details.failures, delivery?.failures],
          [details.failingSince, time(delivery?.failing_since)],
          [details.nextAttempt, time(delivery?.next_attempt_at)],
          [details.previousSecret, webhook.previous_secret_until ? <Time key="until" at={webhook.previous_secret_until} /> : undefined],
          [webhooksText.created, <Time key="created" at={webhook.created_at} />],
        ]}
      />
      <Title order={3} size="h5">
        {t.history}
      </Title>
      <History type="webhook" id={webhook.id} />
    </Stack>
  );
}
