import { Button, Group, Text } from "@mantine/core";
import { useState } from "react";

import { client, type Schemas } from "../../api/index.ts";
import { ifMatch } from "../../api/etag.ts";
import { useMayChange } from "../../app/session.ts";
import { type Confirmation, confirm, confirmOf } from "../../components/confirm.tsx";
import { History } from "../../components/History.tsx";
import { dialogOnDemand } from "../../components/onDemand.tsx";
import { t } from "../../text/common.ts";
import { policiesText } from "../../text/policies.ts";
import type { Policy } from "./form.ts";
import { readPolicy } from "./readPolicy.ts";

const ComparePolicy = dialogOnDemand(
  () => import("./ComparePolicy.tsx").then((file) => file.ComparePolicy),
  ({ entry }) => entry !== undefined,
);

type Entry = Schemas["AuditEntry"];

/** The events after which it is another one; with the others it is only asked or no longer asked. */
const VERSIONS = ["policy.created", "policy.changed", "policy.restored"];

/** Makes a policy what it was right after an event, once that was confirmed. */
export function restore(id: string, name: string, at: number, present: Policy | undefined): void {
  if (present === undefined) {
    confirm(restoring(id, name, at, undefined));
  } else {
    confirmOf(present, () => readPolicy(id), (now) => restoring(id, now.name, at, now));
  }
}

function restoring(id: string, name: string, at: number, present: Policy | undefined): Confirmation {
  const path = { id };
  return {
    title: policiesText.history.restoreTitle(name),
    text: present === undefined ? policiesText.history.restoreDeleted : policiesText.history.restoreText,
    verb: t.restore,
    preview: async () => {
      const answer = await client.POST("/admin/preview/policies/{id}/restore", { params: { path }, body: { at } });
      return answer.data as Schemas["Preview"];
    },
    action: (reason) => {
      const header = { ...reason, ...(present === undefined ? {} : ifMatch(present.version)) };
      return client.POST("/admin/policies/{id}/restore", { params: { path, header }, body: { at } });
    },
    done: policiesText.history.restored(name),
  };
}

/** Every version of a policy: what changed, how it differs from the present, and the way back. */
export function PolicyHistory({ id, name, present }: { id: string; name: string; present: Policy | undefined }) {
  const mayChange = useMayChange();
  const [compared, setCompared] = useState<Entry>();
  const actions = (entry: Entry, newest: boolean) => {
    if (entry.status !== "success" || !VERSIONS.includes(entry.event_type)) {
      return null;
    }
    if (newest && present !== undefined) {
      return (
        <Text size="sm" c="dimmed" mt={4}>
          {policiesText.history.present}
        </Text>
      );
    }
    return (
      <Group gap="xs" mt="xs">
        <Button size="xs" variant="default" onClick={() => setCompared(entry)}>
          {present === undefined ? policiesText.history.show : policiesText.history.compare}
        </Button>
        {mayChange && (
          <Button size="xs" variant="default" onClick={() => restore(id, name, entry.idx, present)}>
            {t.restore}
          </Button>
        )}
      </Group>
    );
  };
  return (
    <>
      <History type="policy" id={id} actions={actions} />
      <ComparePolicy id={id} entry={compared} present={present} onClose={() => setCompared(undefined)} />
    </>
  );
}
