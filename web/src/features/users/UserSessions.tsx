import { Button, Group } from "@mantine/core";

import { api, client, type Schemas } from "../../api/index.ts";
import { useMayChange } from "../../app/session.ts";
import { confirm } from "../../components/confirm.tsx";
import { Loaded } from "../../components/Loaded.tsx";
import { SessionList, sessionName } from "../../components/SessionList.tsx";
import { t } from "../../text/index.ts";
import { nameOf } from "./userChanges.ts";

/** Where a user is signed in. */
export function UserSessions({ user }: { user: Schemas["User"] }) {
  const mayChange = useMayChange();
  const path = { id: user.id };
  const query = api.useQuery("get", "/admin/users/{id}/sessions", { params: { path } });
  const end = (session: Schemas["Session"]) =>
    confirm({
      title: t.sessions.endTitle,
      text: t.sessions.endText(sessionName(session)),
      verb: t.sessions.end,
      danger: true,
      action: (header) =>
        client.DELETE("/admin/users/{id}/sessions/{session_id}", {
          params: { path: { ...path, session_id: session.id }, header },
        }),
      done: t.sessions.ended,
    });
  const endAll = () =>
    confirm({
      title: t.sessions.endAllTitle(nameOf(user)),
      text: t.sessions.endAllText,
      verb: t.sessions.endAll,
      danger: true,
      action: (header) => client.DELETE("/admin/users/{id}/sessions", { params: { path, header } }),
      done: t.sessions.endedAll,
    });
  return (
    <Loaded query={query}>
      {({ items }) => (
        <>
          {mayChange && items.length > 0 && (
            <Group justify="flex-end" mb="sm">
              <Button variant="light" color="red" onClick={endAll}>
                {t.sessions.endAll}
              </Button>
            </Group>
          )}
          <SessionList sessions={items} onEnd={mayChange ? end : undefined} />
        </>
      )}
    </Loaded>
  );
}
