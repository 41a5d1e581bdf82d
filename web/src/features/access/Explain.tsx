import { Accordion, Paper, Stack, Text } from "@mantine/core";

import { api, type Schemas } from "../../api/index.ts";
import { Empty } from "../../components/Empty.tsx";
import { Loaded } from "../../components/Loaded.tsx";
import { Time } from "../../components/Time.tsx";
import { accessText } from "../../text/access.ts";
import { Explanation, Verdict } from "./Explanation.tsx";
import { faultOfMoment, packetOf, type Question, saidBeside, useQuestion } from "./question.ts";
import { QuestionForm } from "./QuestionForm.tsx";
import { Reached } from "./Reached.tsx";
import { When } from "./When.tsx";

/** Whether a packet passes, and why; or everything that is reached. */
export function Explain() {
  const { question, ask } = useQuestion();
  const { device, user, at } = question;
  const packet = packetOf(question);
  const somebody = device !== undefined || user !== undefined;
  const whose = { ...(device === undefined ? {} : { device }), ...(user === undefined ? {} : { user }) };
  const query = api.useQuery(
    "get",
    "/admin/access/explain",
    { params: { query: { ...whose, destination: "", protocol: "", ...packet, ...(at === undefined ? {} : { at }) } } },
    { enabled: somebody && packet !== undefined, placeholderData: (before) => before },
  );
  const error = somebody && packet !== undefined ? query.error : null;
  return (
    <Stack gap="lg">
      <div>
        <QuestionForm question={question} ask={ask} whose error={error} />
        <When at={at} asOf={query.data?.as_of.time} error={faultOfMoment(error)} onChange={(at) => ask({ at })} />
      </div>
      {!somebody ? (
        <Empty title={accessText.nobody} text={accessText.nobodyText} />
      ) : packet === undefined ? (
        <Reached whose={whose} at={at} />
      ) : (
        !saidBeside(error) && (
          <Loaded query={{ ...query, data: error === null ? query.data : undefined }}>
            {(answer) => <Answer answer={answer} question={question} ask={ask} />}
          </Loaded>
        )
      )}
    </Stack>
  );
}

/** As of which event an answer is. */
export function AsOf({ moment }: { moment: Schemas["Moment"] }) {
  return (
    <Text size="sm" c="dimmed">
      {moment.idx === 0 ? (
        accessText.when.beginning
      ) : (
        <>
          {accessText.when.asOf(moment.idx)} <Time at={moment.time} />.
        </>
      )}
    </Text>
  );
}

function Answer({
  answer,
  question,
  ask,
}: {
  answer: Schemas["AccessExplanation"];
  question: Question;
  ask: (changes: Record<string, string | null>) => void;
}) {
  const { items, as_of } = answer;
  const before = (idx: number) => ask({ at: String(idx - 1) });
  const [first] = items;
  if (first === undefined) {
    return <Empty title={accessText.noDevices} />;
  }
  return (
    <Stack gap="sm" role="region" aria-live="polite" aria-label={accessText.tabs.explain}>
      <AsOf moment={as_of} />
      {items.length === 1 ? (
        <Paper withBorder p="lg">
          <Verdict device={first} big />
          <Explanation device={first} before={before} />
        </Paper>
      ) : (
        <Accordion variant="separated" order={2} multiple defaultValue={[first.device_id]} key={question.user}>
          {items.map((device) => (
            <Accordion.Item key={device.device_id} value={device.device_id}>
              <Accordion.Control>
                <Verdict device={device} />
              </Accordion.Control>
              <Accordion.Panel>
                <Explanation device={device} before={before} />
              </Accordion.Panel>
            </Accordion.Item>
          ))}
        </Accordion>
      )}
    </Stack>
  );
}
