/** What narrows a list, all of it in the URL. */

import { Group, Select } from "@mantine/core";
import type { ReactNode } from "react";

import type { EntityKind } from "./entityNames.ts";
import { EntitySelect } from "./EntitySelect.tsx";
import { SearchBox } from "./SearchBox.tsx";
import type { useListState } from "./useListState.ts";

type List = ReturnType<typeof useListState>;

/** The row of them above a table. */
export function Filters({ children }: { children: ReactNode }) {
  return (
    <Group gap="sm" mb="sm" align="flex-end">
      {children}
    </Group>
  );
}

export function SearchFilter({ list, ...rest }: { list: List; label: string; placeholder?: string }) {
  return <SearchBox {...rest} value={list.q} onChange={(q) => list.set({ q })} />;
}

interface Filter {
  list: List;
  /** The API's parameter. */
  name: string;
  label: string;
  /** What stands there where all are shown. */
  any?: string;
  /** In pixels, where there is room for several. */
  width?: number;
}

/** Two in a row on a phone. */
export function narrow(width: number) {
  return { base: "calc(50% - 6px)", xs: width };
}

/** By one of a few values, each with its words. */
export function ChoiceFilter({
  list,
  name,
  label,
  any = label,
  width = 160,
  values,
}: Filter & { values: readonly (readonly [string, string])[] }) {
  return (
    <Select
      aria-label={label}
      placeholder={any}
      clearable
      w={narrow(width)}
      data={values.map(([value, label]) => ({ value, label }))}
      value={list.filters[name] ?? null}
      onChange={(value) => list.set({ [name]: value })}
    />
  );
}

/** By one entity. */
export function EntityFilter({ list, name, label, any = label, width = 170, kind }: Filter & { kind: EntityKind }) {
  return (
    <EntitySelect
      kind={kind}
      aria-label={label}
      placeholder={any}
      w={{ base: "100%", xs: width }}
      value={list.filters[name] ?? null}
      onChange={(value) => list.set({ [name]: value })}
    />
  );
}
