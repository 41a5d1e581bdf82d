import { Button, Group } from "@mantine/core";

import { api, client, type Schemas } from "../../api/index.ts";
import { useMayChange } from "../../app/session.ts";
import { confirm } from "../../components/confirm.tsx";
import { Loaded } from "../../components/Loaded.tsx";
import { SessionList, sessionName } from "../../components/SessionList.tsx";
import { sessionsText } from "../../text/sessions.ts";
import { nameOf } from "./userChanges.ts";

/** Where a user is signed in. */
export function UserSessions({ user }: { user: Schemas["User"] }) {
  const mayChange = useMayChange();
  const path = { id: user.id };
  const query = api.useQuery("get", "/admin/users/{id}/sessions", { params: { path } });
  const end = (session: Schemas["Session"]) =>
    confirm({
      title: sessionsText.endTitle,
      text: sessionsText.endText(sessionName(session)),
      verb: sessionsText.end,
      danger: true,
      action: (header) =>
        client.DELETE("/admin/users/{id}/sessions/{session_id}", {
          params: { path: { ...path, session_id: session.id }, header },
        }),
      done: sessionsText.ended,
    });
  const endAll = () =>
    confirm({
      title: sessionsText.endAllTitle(nameOf(user)),
      text: sessionsText.endAllText,
      verb: sessionsText.endAll,
      danger: true,
      action: (header) => client.DELETE("/admin/users/{id}/sessions", { params: { path, header } }),
      done: sessionsText.endedAll,
    });
  return (
    <Loaded query={query}>
      {({ items }) => (
        <>
          {mayChange && items.length > 0 && (
            <Group justify="flex-end" mb="sm">
              <Button variant="light" color="red" onClick={endAll}>
                {sessionsText.endAll}
              </Button>
            </Group>
          )}
          <SessionList sessions={items} onEnd={mayChange ? end : undefined} />
        </>
      )}
    </Loaded>
  );
}
