import { Input, Stack, Switch, Text } from "@mantine/core";
import type { ReactNode } from "react";

import { EntityMultiSelect } from "../../components/EntityMultiSelect.tsx";
import { policiesText } from "../../text/policies.ts";
import type { PolicyForm } from "./form.ts";

const words = policiesText.form;
type Targets = PolicyForm["targets"];

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
      <EntityMultiSelect
        kind="group"
        label={words.groups}
        description={words.groupsHint}
        placeholder={words.searchGroups}
        value={value.groups}
        onChange={(groups) => onChange({ ...value, groups })}
      />
      <EntityMultiSelect
        kind="user"
        label={words.users}
        description={words.usersHint}
        placeholder={words.searchUsers}
        value={value.users}
        onChange={(users) => onChange({ ...value, users })}
      />
      <EntityMultiSelect
        kind="device"
        label={words.devices}
        placeholder={words.searchDevices}
        value={value.devices}
        onChange={(devices) => onChange({ ...value, devices })}
      />
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
