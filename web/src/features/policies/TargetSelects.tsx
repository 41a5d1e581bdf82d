import { EntityMultiSelect } from "../../components/EntityMultiSelect.tsx";
import { policiesText } from "../../text/policies.ts";
import type { PolicyForm } from "./form.ts";

const words = policiesText.form;
type Targets = PolicyForm["targets"];

/** The groups, users and devices that a policy is about. */
export function TargetSelects({ value, onChange }: { value: Targets; onChange: (targets: Targets) => void }) {
  return (
    <>
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
    </>
  );
}
