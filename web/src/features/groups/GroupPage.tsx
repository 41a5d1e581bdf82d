import { Alert, Button, Tabs } from "@mantine/core";
import { useDisclosure } from "@mantine/hooks";
import { IconPencil, IconTrash } from "@tabler/icons-react";
import { Fragment } from "react";
import { useNavigate, useParams } from "react-router";

import { ifMatch } from "../../api/etag.ts";
import { ApiError, api, client, type Schemas } from "../../api/index.ts";
import { useMayChange } from "../../app/session.ts";
import { confirmOf } from "../../components/confirm.tsx";
import { Loaded } from "../../components/Loaded.tsx";
import { dialogOnDemand, isOpened, panelOnDemand } from "../../components/onDemand.tsx";
import { PageHeader } from "../../components/PageHeader.tsx";
import { useTab } from "../../components/useTab.ts";
import { to } from "../../paths.ts";
import { t } from "../../text/common.ts";
import { groupsText } from "../../text/groups.ts";
import { Members } from "./Members.tsx";
import { readGroup } from "./readGroup.ts";
import { askRestore } from "./restoreGroup.tsx";

const History = panelOnDemand(() => import("../../components/History.tsx").then((file) => file.History));
const EditGroup = dialogOnDemand(() => import("./EditGroup.tsx").then((file) => file.EditGroup), isOpened);

type Details = Schemas["GroupDetails"];

const TABS = ["members", "history"] as const;
const up = { label: groupsText.title, to: to.groups() };

export function Page() {
  const id = useParams()["id"] ?? "";
  const [tab, setTab] = useTab(TABS);
  const query = api.useQuery("get", "/admin/groups/{id}", { params: { path: { id } } });
  const { error } = query;
  if (error instanceof ApiError && error.status === 404) {
    return <Gone key={id} id={id} />;
  }
  return (
    <Loaded query={query}>
      {(group) => (
        // What is chosen and half done on one group's page is none of another's.
        <Fragment key={id}>
          <PageHeader
            title={group.name}
            up={up}
            text={[group.description, groupsText.memberCount(group.member_count)].filter(Boolean).join(" · ")}
          >
            <Actions group={group} />
          </PageHeader>
          <Tabs value={tab} onChange={setTab} keepMounted={false}>
            <Tabs.List mb="md">
              {TABS.map((one) => (
                <Tabs.Tab key={one} value={one}>
                  {groupsText.tabs[one]}
                </Tabs.Tab>
              ))}
            </Tabs.List>
            <Tabs.Panel value="members">
              <Members group={group} />
            </Tabs.Panel>
            <Tabs.Panel value="history">
              <GroupHistory id={id} group={group} />
            </Tabs.Panel>
          </Tabs>
        </Fragment>
      )}
    </Loaded>
  );
}

function Actions({ group }: { group: Details }) {
  const mayChange = useMayChange();
  const navigate = useNavigate();
  const [editing, edit] = useDisclosure(false);
  const path = { id: group.id };
  const remove = () =>
    confirmOf(group, () => readGroup(group.id), ({ name, version }) => ({
      title: groupsText.deleteTitle(name),
      text: groupsText.deleteText,
      verb: groupsText.delete,
      danger: true,
      preview: async () => {
        const answer = await client.DELETE("/admin/preview/groups/{id}", { params: { path, header: ifMatch(version) } });
        return answer.data as Schemas["Preview"];
      },
      action: (reason) =>
        client.DELETE("/admin/groups/{id}", { params: { path, header: { ...ifMatch(version), ...reason } } }),
      done: groupsText.deleted(name),
      onDone: () => void navigate(to.groups()),
    }));
  return mayChange ? (
    <>
      <Button variant="default" leftSection={<IconPencil size={16} aria-hidden />} onClick={edit.open}>
        {groupsText.edit}
      </Button>
      <Button variant="light" color="red" leftSection={<IconTrash size={16} aria-hidden />} onClick={remove}>
        {groupsText.delete}
      </Button>
      <EditGroup group={group} opened={editing} onClose={edit.close} />
    </>
  ) : null;
}

/** What happened to a group; from each moment it can be made what it was then. */
function GroupHistory({ id, group }: { id: string; group: Details | undefined }) {
  const mayChange = useMayChange();
  return (
    <History
      type="group"
      id={id}
      actions={(entry, newest) =>
        // After its deletion there was nothing to go back to.
        mayChange && !newest && entry.event_type !== "group.deleted" && entry.status === "success" ? (
          <Button size="compact-sm" variant="default" mt="xs" onClick={() => askRestore(id, entry, group)}>
            {t.restore}
          </Button>
        ) : null
      }
    />
  );
}

function Gone({ id }: { id: string }) {
  return (
    <>
      <PageHeader title={groupsText.gone} up={up} />
      <Alert color="gray" mb="lg">
        {groupsText.goneText}
      </Alert>
      <GroupHistory id={id} group={undefined} />
    </>
  );
}
