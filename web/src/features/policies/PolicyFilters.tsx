import { Group, Select } from "@mantine/core";

import { EntitySelect } from "../../components/EntitySelect.tsx";
import { SearchBox } from "../../components/SearchBox.tsx";
import type { useListState } from "../../components/useListState.ts";
import { policiesText } from "../../text/policies.ts";

const NARROW = { base: "calc(50% - 5px)", xs: 150 };
type Kind = "user" | "group" | "device";

function isKind(text: string | undefined): text is Kind {
  return text === "user" || text === "group" || text === "device";
}

/** The filters of the list of policies, in the URL. */
export function PolicyFilters({ list }: { list: ReturnType<typeof useListState> }) {
  const { filters: words } = policiesText;
  const { effect, in_force, enabled, target, target_kind: kind } = list.filters;
  const choice = (name: string, label: string, value: string | undefined, data: [string, string][]) => (
    <Select
      aria-label={label}
      placeholder={label}
      clearable
      w={NARROW}
      data={data.map(([value, label]) => ({ value, label }))}
      value={value ?? null}
      onChange={(value) => list.set({ [name]: value })}
    />
  );
  return (
    <Group gap="xs" mb="sm" align="flex-end">
      <SearchBox label={policiesText.search} value={list.q} onChange={(q) => list.set({ q })} />
      {choice("effect", words.effect, effect, [
        ["allow", policiesText.effects.allow],
        ["deny", policiesText.effects.deny],
      ])}
      {choice("in_force", words.inForce, in_force, [
        ["true", words.inForceOnly],
        ["false", words.notInForce],
      ])}
      {choice("enabled", words.enabled, enabled, [
        ["true", words.enabledOnly],
        ["false", words.disabledOnly],
      ])}
      <Select
        aria-label={words.targetKind}
        placeholder={words.target}
        clearable
        w={NARROW}
        data={(["user", "group", "device"] as const).map((kind) => ({ value: kind, label: policiesText.kinds[kind] }))}
        value={kind ?? null}
        onChange={(kind) => list.set({ target_kind: kind, target: null })}
      />
      {isKind(kind) && (
        <EntitySelect
          kind={kind}
          label={policiesText.kinds[kind]}
          value={target ?? null}
          onChange={(id) => list.set({ target: id })}
        />
      )}
    </Group>
  );
}
