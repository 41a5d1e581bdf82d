import { Select } from "@mantine/core";

import { ChoiceFilter, EntityFilter, Filters, narrow, SearchFilter } from "../../components/filters.tsx";
import type { useListState } from "../../components/useListState.ts";
import { t } from "../../text/common.ts";
import { policiesText } from "../../text/policies.ts";

const WIDTH = 150;
type Kind = "user" | "group" | "device";

function isKind(text: string | undefined): text is Kind {
  return text === "user" || text === "group" || text === "device";
}

/** The filters of the list of policies, in the URL. */
export function PolicyFilters({ list }: { list: ReturnType<typeof useListState> }) {
  const { filters: words } = policiesText;
  const { target_kind: kind } = list.filters;
  const all = { list, width: WIDTH };
  return (
    <Filters>
      <SearchFilter list={list} label={policiesText.search} />
      <ChoiceFilter {...all} name="effect" label={words.effect} values={Object.entries(t.effects)} />
      <ChoiceFilter
        {...all}
        name="in_force"
        label={words.inForce}
        values={[
          ["true", words.inForceOnly],
          ["false", words.notInForce],
        ]}
      />
      <ChoiceFilter
        {...all}
        name="enabled"
        label={words.enabled}
        values={[
          ["true", words.enabledOnly],
          ["false", words.disabledOnly],
        ]}
      />
      {/* The kind only says of what one is chosen: by itself it narrows nothing. */}
      <Select
        aria-label={words.targetKind}
        placeholder={words.target}
        clearable
        w={narrow(WIDTH)}
        data={(["user", "group", "device"] as const).map((kind) => ({ value: kind, label: policiesText.kinds[kind] }))}
        value={kind ?? null}
        onChange={(kind) => list.set({ target_kind: kind, target: null })}
      />
      {isKind(kind) && <EntityFilter list={list} name="target" kind={kind} label={policiesText.kinds[kind]} />}
    </Filters>
  );
}
