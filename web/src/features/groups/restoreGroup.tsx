import { List, Stack, Table, Text } from "@mantine/core";

import { ifMatch } from "../../api/etag.ts";
import { api, client, type Schemas } from "../../api/index.ts";
import { type Confirmation, confirm, confirmOf } from "../../components/confirm.tsx";
import { useNames } from "../../components/entityNames.ts";
import { Loaded } from "../../components/Loaded.tsx";
import { Time } from "../../components/Time.tsx";
import { auditText } from "../../text/audit.ts";
import { t } from "../../text/common.ts";
import { groupsText } from "../../text/groups.ts";
import { returnTo } from "./groupForm.ts";
import { readGroup } from "./readGroup.ts";

type Details = Schemas["GroupDetails"];

/** Asks to make a group what it was after this event; `now` is missing where it was deleted. */
export function askRestore(id: string, entry: Schemas["AuditEntry"], now: Details | undefined): void {
  if (now === undefined) {
    confirm(restoring(id, entry, undefined));
  } else {
    confirmOf(now, () => readGroup(id), (present) => restoring(id, entry, present));
  }
}

function restoring(id: string, entry: Schemas["AuditEntry"], now: Details | undefined): Confirmation {
  const params = { path: { id }, ...(now === undefined ? {} : { header: ifMatch(now.version) }) };
  const body = { at: entry.idx };
  return {
    title: groupsText.restoreTitle(now?.name ?? entry.entity_name ?? groupsText.this),
    text: (
      <Stack gap="sm">
        <Text size="sm">{groupsText.restoreText(<Time at={entry.time} />)}</Text>
        <WouldBe id={id} at={entry.idx} now={now} />
      </Stack>
    ),
    verb: t.restore,
    danger: true,
    preview: async () => {
      const answer = await client.POST("/admin/preview/groups/{id}/restore", { params, body });
      return answer.data as Schemas["Preview"];
    },
    action: (reason) =>
      client.POST("/admin/groups/{id}/restore", {
        params: { ...params, header: { ...params.header, ...reason } },
        body,
      }),
    done: groupsText.restored,
  };
}

/** What would be different, in words and by name. */
function WouldBe({ id, at, now }: { id: string; at: number; now: Details | undefined }) {
  const query = api.useQuery("get", "/admin/groups/{id}", {
    params: { path: { id }, query: { at: String(at) } },
  });
  return <Loaded query={query}>{(then) => <Differences then={then} now={now} />}</Loaded>;
}

function Differences({ then, now }: { then: Details; now: Details | undefined }) {
  const { texts, joins, leaves } = returnTo(then, now);
  const labels = { name: groupsText.name, description: groupsText.description };
  if (texts.length === 0 && joins?.length === 0 && leaves?.length === 0) {
    return <Text size="sm">{groupsText.restoreNothing}</Text>;
  }
  return (
    <>
      {texts.length > 0 && (
        <Table withTableBorder fz="sm" verticalSpacing={4}>
          <Table.Thead>
            <Table.Tr>
              <Table.Th>{auditText.field}</Table.Th>
              <Table.Th>{groupsText.present}</Table.Th>
              <Table.Th>{groupsText.wouldBe}</Table.Th>
            </Table.Tr>
          </Table.Thead>
          <Table.Tbody>
            {texts.map(({ field, then, now }) => (
              <Table.Tr key={field}>
                <Table.Th scope="row" fw={500} style={{ overflowWrap: "normal" }}>
                  {labels[field]}
                </Table.Th>
                <Table.Td>{now ?? "–"}</Table.Td>
                <Table.Td>{then === "" ? "–" : then}</Table.Td>
              </Table.Tr>
            ))}
          </Table.Tbody>
        </Table>
      )}
      {joins === undefined || leaves === undefined ? (
        <Text size="sm">{groupsText.membersUnknown}</Text>
      ) : (
        <>
          <Names label={groupsText.joins} ids={joins} />
          <Names label={groupsText.leaves} ids={leaves} />
        </>
      )}
    </>
  );
}

/** So many are named. */
const NAMED = 20;

function Names({ label, ids }: { label: string; ids: readonly string[] }) {
  const names = useNames("user", ids.slice(0, NAMED));
  if (ids.length === 0) {
    return null;
  }
  return (
    <div>
      <Text size="sm" fw={600}>
        {label}
      </Text>
      <List size="sm">
        {[...names].map(([id, name]) => (
          <List.Item key={id}>{name}</List.Item>
        ))}
        {ids.length > NAMED && <List.Item>{t.andMore(ids.length - NAMED)}</List.Item>}
      </List>
    </div>
  );
}
