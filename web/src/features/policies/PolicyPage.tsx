import { Button, Group, Tabs } from "@mantine/core";
import { IconTrash } from "@tabler/icons-react";
import { useNavigate, useParams } from "react-router";

import { api, ApiError, client, type Schemas } from "../../api/index.ts";
import { ifMatch } from "../../api/etag.ts";
import { useMayChange } from "../../app/session.ts";
import { confirmOf } from "../../components/confirm.tsx";
import { Loaded } from "../../components/Loaded.tsx";
import { panelOnDemand } from "../../components/onDemand.tsx";
import { PageHeader } from "../../components/PageHeader.tsx";
import { Status } from "../../components/Status.tsx";
import { useTab } from "../../components/useTab.ts";
import { to } from "../../paths.ts";
import { policiesText } from "../../text/policies.ts";
import type { Policy } from "./form.ts";
import { PolicyEditor } from "./PolicyEditor.tsx";
import { PolicyFacts } from "./PolicyFacts.tsx";
import { PolicyState } from "./PolicyState.tsx";
import { readPolicy } from "./readPolicy.ts";

const Concerned = panelOnDemand(() => import("./Concerned.tsx").then((file) => file.Concerned));
const DeletedPolicy = panelOnDemand(() => import("./DeletedPolicy.tsx").then((file) => file.DeletedPolicy));
const PolicyHistory = panelOnDemand(() => import("./PolicyHistory.tsx").then((file) => file.PolicyHistory));

export function Page() {
  const { id = "" } = useParams();
  // Another policy is another form: nothing of the one before is left in it.
  return <OnePolicy key={id} id={id} />;
}

function OnePolicy({ id }: { id: string }) {
  const query = api.useQuery("get", "/admin/policies/{id}", { params: { path: { id } } });
  // A policy that is deleted while one looks at it keeps its data here; the error is the truth.
  if (query.error instanceof ApiError && query.error.status === 404) {
    return <DeletedPolicy id={id} />;
  }
  return <Loaded query={query}>{(policy) => <Present policy={policy} />}</Loaded>;
}

function Present({ policy }: { policy: Policy }) {
  const mayChange = useMayChange();
  const navigate = useNavigate();
  const [tab, setTab] = useTab(["edit", "concerns", "history"]);
  return (
    <>
      <PageHeader
        title={policy.name}
        up={{ label: policiesText.title, to: to.policies() }}
        badge={
          <Group gap="xs">
            <Status of={policy.effect} />
            <PolicyState policy={policy} />
          </Group>
        }
      >
        {mayChange && (
          <Button
            variant="default"
            leftSection={<IconTrash size={16} aria-hidden />}
            onClick={() => remove(policy, () => void navigate(to.policies()))}
          >
            {policiesText.form.delete}
          </Button>
        )}
      </PageHeader>
      <Tabs value={tab} onChange={setTab} keepMounted={false}>
        <Tabs.List mb="md">
          <Tabs.Tab value="edit">{policiesText.tabs.edit}</Tabs.Tab>
          <Tabs.Tab value="concerns">{policiesText.tabs.concerns}</Tabs.Tab>
          <Tabs.Tab value="history">{policiesText.tabs.history}</Tabs.Tab>
        </Tabs.List>
        {/* What is typed outlives a look at another tab. */}
        <Tabs.Panel value="edit" keepMounted>
          {mayChange ? <PolicyEditor policy={policy} onSaved={() => undefined} /> : <PolicyFacts policy={policy} />}
        </Tabs.Panel>
        <Tabs.Panel value="concerns">
          <Concerned policy={policy} />
        </Tabs.Panel>
        <Tabs.Panel value="history">
          <PolicyHistory id={policy.id} name={policy.name} present={policy} />
        </Tabs.Panel>
      </Tabs>
    </>
  );
}

function remove(policy: Policy, onDone: () => void): void {
  const path = { id: policy.id };
  confirmOf(policy, () => readPolicy(policy.id), ({ name, version }) => ({
    title: policiesText.deleteTitle(name),
    text: policiesText.deleteText,
    verb: policiesText.form.delete,
    danger: true,
    preview: async () => {
      const { data } = await client.DELETE("/admin/preview/policies/{id}", { params: { path } });
      return data as Schemas["Preview"];
    },
    action: (reason) =>
      client.DELETE("/admin/policies/{id}", { params: { path, header: { ...reason, ...ifMatch(version) } } }),
    done: policiesText.deletedNotice(name),
    onDone,
  }));
}
