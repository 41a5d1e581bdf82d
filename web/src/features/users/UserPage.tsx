import { Alert, Button, Tabs } from "@mantine/core";
import { Fragment } from "react";
import { useParams } from "react-router";

import { ApiError, api } from "../../api/index.ts";
import { useMayChange } from "../../app/session.ts";
import { Loaded } from "../../components/Loaded.tsx";
import { panelOnDemand } from "../../components/onDemand.tsx";
import { PageHeader } from "../../components/PageHeader.tsx";
import { Status } from "../../components/Status.tsx";
import { useTab } from "../../components/useTab.ts";
import { to } from "../../paths.ts";
import { sessionText } from "../../text/session.ts";
import { usersText } from "../../text/users.ts";
import { UserActions } from "./UserActions.tsx";
import { askEraseDeleted, nameOf } from "./userChanges.ts";
import { UserOverview } from "./UserOverview.tsx";

const UserSessions = panelOnDemand(() => import("./UserSessions.tsx").then((file) => file.UserSessions));
const History = panelOnDemand(() => import("../../components/History.tsx").then((file) => file.History));

const TABS = ["overview", "sessions", "history"] as const;
const up = { label: usersText.title, to: to.users() };

export function Page() {
  const id = useParams()["id"] ?? "";
  const mayChange = useMayChange();
  const [tab, setTab] = useTab(TABS);
  const query = api.useQuery("get", "/admin/users/{id}", { params: { path: { id } } });
  const { error } = query;
  if (error instanceof ApiError && error.status === 404) {
    return <Gone key={id} id={id} />;
  }
  return (
    <Loaded query={query}>
      {(user) => (
        // What is chosen and half done on one user's page is none of another's.
        <Fragment key={id}>
          <PageHeader
            title={nameOf(user)}
            up={up}
            badge={<Status of={user.status} />}
            text={[user.display_name, sessionText.roles[user.role]].filter(Boolean).join(" · ")}
          >
            {mayChange && <UserActions user={user} />}
          </PageHeader>
          <Tabs value={tab} onChange={setTab} keepMounted={false}>
            <Tabs.List mb="md">
              {TABS.map((one) => (
                <Tabs.Tab key={one} value={one}>
                  {usersText.tabs[one]}
                </Tabs.Tab>
              ))}
            </Tabs.List>
            <Tabs.Panel value="overview">
              <UserOverview user={user} />
            </Tabs.Panel>
            <Tabs.Panel value="sessions">
              <UserSessions user={user} />
            </Tabs.Panel>
            <Tabs.Panel value="history">
              <History type="user" id={id} />
            </Tabs.Panel>
          </Tabs>
        </Fragment>
      )}
    </Loaded>
  );
}

/** What is left of a deleted user: the history. */
function Gone({ id }: { id: string }) {
  const mayChange = useMayChange();
  return (
    <>
      <PageHeader title={usersText.gone} up={up}>
        {mayChange && (
          <Button variant="light" color="red" onClick={() => askEraseDeleted(id)}>
            {usersText.erase}
          </Button>
        )}
      </PageHeader>
      <Alert color="gray" mb="lg">
        {usersText.goneText}
      </Alert>
      <History type="user" id={id} />
    </>
  );
}
