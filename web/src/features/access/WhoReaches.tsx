import { Anchor, Button, Group, Stack, Table, Text, VisuallyHidden } from "@mantine/core";
import { IconChevronRight } from "@tabler/icons-react";
import { Link } from "react-router";

import { api, type Schemas } from "../../api/index.ts";
import { Empty } from "../../components/Empty.tsx";
import { Loaded } from "../../components/Loaded.tsx";
import { to } from "../../paths.ts";
import { accessText } from "../../text/access.ts";
import { t } from "../../text/common.ts";
import { AsOf } from "./Explain.tsx";
import { PolicyLink } from "./Explanation.tsx";
import { faultOfMoment, packetOf, type Question, saidBeside, useQuestion } from "./question.ts";
import { QuestionForm } from "./QuestionForm.tsx";
import { When } from "./When.tsx";

const words = accessText.who;
const PAGE = 50;

/** Every device that a packet passes from. */
export function WhoReaches() {
  const { question, params, ask } = useQuestion();
  const { at } = question;
  const packet = packetOf(question);
  const after = params.get("after");
  const query = api.useQuery(
    "get",
    "/admin/access",
    {
      params: {
        query: { ...packet, page_size: PAGE, ...(at === undefined ? {} : { at }), ...(after === null ? {} : { after }) },
      },
    },
    { enabled: packet !== undefined, placeholderData: (before) => before },
  );
  const error = packet === undefined ? null : query.error;
  return (
    <Stack gap="lg">
      <div>
        <QuestionForm question={question} ask={ask} whose={false} error={error} />
        <When at={at} asOf={query.data?.as_of.time} error={faultOfMoment(error)} onChange={(at) => ask({ at })} />
      </div>
      {packet === undefined ? (
        <Empty title={accessText.nowhere} text={accessText.nowhereText} />
      ) : (
        !saidBeside(error) && (
          <Loaded query={{ ...query, data: error === null ? query.data : undefined }}>
            {(answer) => (
              <Stack gap="sm">
                <AsOf moment={answer.as_of} />
                {answer.total === 0 ? (
                  <Empty title={words.none} text={words.noneText} />
                ) : (
                  <Devices answer={answer} question={question} />
                )}
                <Group gap="xs">
                  {after !== null && (
                    <Button size="xs" variant="default" onClick={() => ask({})}>
                      {t.first}
                    </Button>
                  )}
                  {answer.next && (
                    <Button
                      size="xs"
                      variant="default"
                      rightSection={<IconChevronRight size={14} />}
                      onClick={() => ask({ after: answer.next ?? null })}
                    >
                      {t.next}
                    </Button>
                  )}
                </Group>
              </Stack>
            )}
          </Loaded>
        )
      )}
    </Stack>
  );
}

function Devices({ answer, question }: { answer: Schemas["AccessAnswer"]; question: Question }) {
  const { destination = "", protocol = "", port, at } = question;
  const explain = (device: string) =>
    to.access({
      device,
      destination,
      protocol,
      ...(port === undefined ? {} : { port }),
      ...(at === undefined ? {} : { at }),
    });
  return (
    <>
      <Text fw={600} role="status">
        {words.total(answer.total)}
      </Text>
      <Table.ScrollContainer minWidth={0} type="native" tabIndex={0} role="region" aria-label={words.label}>
        <Table fz="sm" aria-label={words.label} highlightOnHover>
          <Table.Thead>
            <Table.Tr>
              <Table.Th>{words.owner}</Table.Th>
              <Table.Th>{words.device}</Table.Th>
              <Table.Th visibleFrom="sm">{words.by}</Table.Th>
              <Table.Th visibleFrom="md">{words.enforced}</Table.Th>
              <Table.Th>
                <VisuallyHidden>{t.actions}</VisuallyHidden>
              </Table.Th>
            </Table.Tr>
          </Table.Thead>
          <Table.Tbody>
            {answer.items.map(({ device_id, device_name, user_id, username, policy, decided_by, enforcement }) => (
              <Table.Tr key={device_id}>
                <Table.Td>
                  <Anchor component={Link} to={to.user(user_id)} inherit>
                    {username ?? t.erased}
                  </Anchor>
                </Table.Td>
                <Table.Td>
                  <Anchor component={Link} to={to.device(device_id)} inherit>
                    {device_name ?? t.erased}
                  </Anchor>
                </Table.Td>
                <Table.Td visibleFrom="sm">
                  {policy ? <PolicyLink policy={policy} /> : (accessText.builtIn[decided_by ?? ""] ?? decided_by)}
                </Table.Td>
                <Table.Td visibleFrom="md">{words.enforcedShort[enforcement.status] ?? enforcement.status}</Table.Td>
                <Table.Td ta="right">
                  <Anchor
                    component={Link}
                    to={explain(device_id)}
                    inherit
                    aria-label={`${words.explain}: ${device_name ?? t.erased}`}
                  >
                    {words.explain}
                  </Anchor>
                </Table.Td>
              </Table.Tr>
            ))}
          </Table.Tbody>
        </Table>
      </Table.ScrollContainer>
    </>
  );
}
