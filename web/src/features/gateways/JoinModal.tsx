import { Alert, Button, Group, List, Loader, Stack, Text } from "@mantine/core";
import { IconCheck } from "@tabler/icons-react";

import { api } from "../../api/index.ts";
import { CopyBlock, OneTime } from "../../components/OneTime.tsx";
import { OnceModal } from "../../components/OnceModal.tsx";
import { Time } from "../../components/Time.tsx";
import { gatewaysText } from "../../text/gateways.ts";
import type { JoinAnswer } from "./joinToken.ts";

const words = gatewaysText.join;

const CHECK = "nexavpn-gateway doctor";
const RUN = [
  "nexavpn-gateway unit > /etc/systemd/system/nexavpn-gateway.service",
  "systemctl daemon-reload && systemctl enable --now nexavpn-gateway",
].join("\n");

/** How a node becomes the gateway, with the token that is shown this once. */
export function JoinModal({
  id,
  name,
  answer,
  onClose,
}: {
  id: string;
  name: string;
  /** Nothing is shown without. */
  answer: JoinAnswer | undefined;
  onClose: () => void;
}) {
  return (
    <OnceModal
      opened={answer !== undefined}
      onClose={onClose}
      holds={answer !== undefined && "token" in answer}
      closing={words.closing}
      title={words.title(name)}
      size="xl"
    >
      {answer !== undefined && <Steps id={id} answer={answer} onClose={onClose} />}
    </OnceModal>
  );
}

function Steps({ id, answer, onClose }: { id: string; answer: JoinAnswer; onClose: () => void }) {
  return (
    <Stack>
      {"token" in answer && answer.token ? (
        <>
          <Text size="sm">{words.needs}</Text>
          <List type="ordered" spacing="md" size="sm" styles={{ itemWrapper: { display: "block" } }}>
            <List.Item>
              {words.check}
              <CopyBlock text={CHECK} label={words.check} />
            </List.Item>
            <List.Item>
              {words.joinIt}
              <OneTime text={answer.command} label={words.command} hint={words.joinHint(<Time at={answer.expires_at} />)} />
            </List.Item>
            <List.Item>
              {words.run}
              <CopyBlock text={RUN} label={words.run} />
            </List.Item>
          </List>
          <Arrival id={id} since={answer.expires_at} />
        </>
      ) : (
        <Alert color="orange">{words.shown}</Alert>
      )}
      <Group justify="flex-end">
        <Button onClick={onClose}>{words.done}</Button>
      </Group>
    </Stack>
  );
}

const HOUR = 3_600_000;
const OFTEN = 2_000;

/** Whether the node has joined since the token was made. */
function Arrival({ id, since }: { id: string; since: string }) {
  const query = api.useQuery(
    "get",
    "/admin/gateways/{id}",
    { params: { path: { id } } },
    { refetchInterval: OFTEN },
  );
  const joined = query.data?.joined_at;
  // A token works for an hour.
  const arrived = typeof joined === "string" && Date.parse(joined) > Date.parse(since) - HOUR;
  return (
    <Group gap="xs" role="status">
      {arrived ? <IconCheck size={18} aria-hidden /> : <Loader size="xs" aria-hidden />}
      <Text size="sm" fw={600}>
        {arrived ? words.arrived : words.waiting}
      </Text>
    </Group>
  );
}
