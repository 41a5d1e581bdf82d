import { Input, Skeleton, Stack, Switch, Text } from "@mantine/core";
import type { ReactNode } from "react";

import { panelOnDemand } from "../../components/onDemand.tsx";
import { policiesText } from "../../text/policies.ts";
import type { PolicyForm } from "./form.ts";

const words = policiesText.form;
type Targets = PolicyForm["targets"];

// Fields that search are the heaviest of the form, and lie below what one sees of it at first.
const TargetSelects = panelOnDemand(() => import("./TargetSelects.tsx").then((file) => file.TargetSelects), Shape);

/** Whom a policy is about. */
export function TargetsField({
  value,
  onChange,
  error,
}: {
  value: Targets;
  onChange: (targets: Targets) => void;
  error?: ReactNode;
}) {
  const single = value.users.length + value.groups.length + value.devices.length;
  return (
    <Stack gap="sm">
      <Switch
        label={words.everyone}
        description={words.everyoneHint}
        checked={value.everyone}
        onChange={(event) => onChange({ ...value, everyone: event.currentTarget.checked })}
      />
      <TargetSelects value={value} onChange={onChange} />
      {value.everyone && single > 0 && (
        <Text size="sm" c="dimmed">
          {words.everyoneIncludes}
        </Text>
      )}
      {!value.everyone && single === 0 && (
        <Text size="sm" c="dimmed">
          {words.noTargets}
        </Text>
      )}
      {error !== undefined && error !== null && <Input.Error>{error}</Input.Error>}
    </Stack>
  );
}

/** The room that the fields take, with their labels: nothing below moves when they come. */
function Shape() {
  return (
    <>
      <Room label={words.groups} description={words.groupsHint} />
      <Room label={words.users} description={words.usersHint} />
      <Room label={words.devices} />
    </>
  );
}

function Room(said: { label: string; description?: string }) {
  return (
    <Input.Wrapper {...said} labelElement="div">
      <Skeleton height={36} mt={said.description === undefined ? 0 : 5} />
    </Input.Wrapper>
  );
}
