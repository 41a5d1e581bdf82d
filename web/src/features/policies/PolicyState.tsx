import { Group, Text } from "@mantine/core";

import { Status } from "../../components/Status.tsx";
import { Time } from "../../components/Time.tsx";
import { policiesText } from "../../text/policies.ts";
import { stateOf, type Stated } from "./state.ts";

const LOOKS = { active: "active", disabled: "disabled", expired: "expired", scheduled: "scheduled" } as const;

/** Whether the policy counts, in words, and since or until when. */
export function PolicyState({ policy }: { policy: Stated }) {
  const { state, since, until } = stateOf(policy, Date.now());
  const words = since === undefined ? policiesText.activeUntil : state === "expired" ? policiesText.expiredAt : policiesText.beginsAt;
  const at = since ?? until;
  return (
    <Group gap={6}>
      <Status of={LOOKS[state]} label={policiesText.states[state]} />
      {at !== undefined && (
        <Text span size="xs" c="dimmed">
          {words} <Time at={at} />
        </Text>
      )}
    </Group>
  );
}
