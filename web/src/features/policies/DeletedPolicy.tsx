import { Alert, Button, Group, Stack, Text, Title } from "@mantine/core";

import { NotFound } from "../../app/NotFound.tsx";
import { api, type Schemas } from "../../api/index.ts";
import { useMayChange } from "../../app/session.ts";
import { actorName } from "../../components/actorName.ts";
import { Loaded } from "../../components/Loaded.tsx";
import { PageHeader } from "../../components/PageHeader.tsx";
import { Status } from "../../components/Status.tsx";
import { Time } from "../../components/Time.tsx";
import { to } from "../../paths.ts";
import { t } from "../../text/common.ts";
import { policiesText } from "../../text/policies.ts";
import { PolicyFacts } from "./PolicyFacts.tsx";
import { PolicyHistory, restore } from "./PolicyHistory.tsx";

const words = policiesText.deleted;

/** Instead of a policy that does not exist: what it was, where it existed once. */
export function DeletedPolicy({ id }: { id: string }) {
  const query = api.useQuery("get", "/admin/audit-logs", {
    params: {
      query: { entity_type: "policy", entity_id: id, event_type: "policy.deleted", status: "success", page_size: 1 },
    },
  });
  return (
    <Loaded query={query}>
      {({ items: [entry] }) => (entry === undefined ? <NotFound /> : <Deleted id={id} entry={entry} />)}
    </Loaded>
  );
}

function Deleted({ id, entry }: { id: string; entry: Schemas["AuditEntry"] }) {
  const mayChange = useMayChange();
  // Right before the event it was there still.
  const at = entry.idx - 1;
  const query = api.useQuery("get", "/admin/policies/{id}", { params: { path: { id }, query: { at: String(at) } } });
  return (
    <Loaded query={query}>
      {(policy) => (
        <>
          <PageHeader
            title={policy.name}
            up={{ label: policiesText.title, to: to.policies() }}
            badge={<Status of="revoked" label={policiesText.states.deleted} />}
          >
            {mayChange && (
              <Button onClick={() => restore(id, policy.name, at, undefined)}>{t.restore}</Button>
            )}
          </PageHeader>
          <Stack gap="lg">
            <Alert color="orange">
              <Text size="sm">{words.text}</Text>
              <Group gap={4}>
                <Text size="sm">
                  {words.byWhom(actorName(entry.actor))} · <Time at={entry.time} />
                  {entry.reason ? ` · ${entry.reason}` : ""}
                </Text>
              </Group>
            </Alert>
            <section aria-label={words.asItWas}>
              <Title order={2} size="h4" mb="sm">
                {words.asItWas}
              </Title>
              <PolicyFacts policy={policy} />
            </section>
            <section aria-label={t.history}>
              <Title order={2} size="h4" mb="sm">
                {t.history}
              </Title>
              <PolicyHistory id={id} name={policy.name} present={undefined} />
            </section>
          </Stack>
        </>
      )}
    </Loaded>
  );
}
