import { MultiSelect, Select, type SelectProps } from "@mantine/core";
import { useDebouncedValue } from "@mantine/hooks";
import { useQueries, useQuery } from "@tanstack/react-query";
import { type ReactNode, useState } from "react";

import { client } from "../api/index.ts";
import { t } from "../text/common.ts";
import { previewText } from "../text/preview.ts";

export type EntityKind = "user" | "group" | "device" | "policy" | "gateway";

const FOUND = 20;

/** Names of entities by what is searched for. */
async function find(kind: EntityKind, q: string): Promise<[string, string][]> {
  const params = { params: { query: { ...(q === "" ? {} : { q }), page_size: FOUND } } };
  switch (kind) {
    case "user": {
      const { data } = await client.GET("/admin/users", params);
      return (data?.items ?? []).map((one) => [one.id, one.username ?? t.erased]);
    }
    case "group": {
      const { data } = await client.GET("/admin/groups", params);
      return (data?.items ?? []).map((one) => [one.id, one.name]);
    }
    case "device": {
      const { data } = await client.GET("/admin/devices", params);
      return (data?.items ?? []).map((one) => [
        one.id,
        previewText.of(one.name ?? t.erased, one.username ?? t.erased),
      ]);
    }
    case "policy": {
      const { data } = await client.GET("/admin/policies", params);
      return (data?.items ?? []).map((one) => [one.id, one.name]);
    }
    case "gateway": {
      const { data } = await client.GET("/admin/gateways", params);
      return (data?.items ?? []).map((one) => [one.id, one.name]);
    }
  }
}

async function nameOf(kind: EntityKind, id: string): Promise<string> {
  const params = { params: { path: { id } } };
  switch (kind) {
    case "user":
      return (await client.GET("/admin/users/{id}", params)).data?.username ?? t.erased;
    case "group":
      return (await client.GET("/admin/groups/{id}", params)).data?.name ?? t.erased;
    case "device": {
      const one = (await client.GET("/admin/devices/{id}", params)).data;
      return previewText.of(one?.name ?? t.erased, one?.username ?? t.erased);
    }
    case "policy":
      return (await client.GET("/admin/policies/{id}", params)).data?.name ?? t.erased;
    case "gateway":
      return (await client.GET("/admin/gateways/{id}", params)).data?.name ?? t.erased;
  }
}

const HOUR = 3_600_000;

/** The names of entities by id; ids are not shown to people. */
export function useNames(kind: EntityKind, ids: readonly string[]): Map<string, string> {
  const answers = useQueries({
    queries: ids.map((id) => ({
      queryKey: ["name", kind, id],
      queryFn: () => nameOf(kind, id),
      staleTime: HOUR,
    })),
  });
  return new Map(ids.map((id, n) => [id, answers[n]?.data ?? (answers[n]?.isError ? t.gone : "…")]));
}

function useFound(kind: EntityKind, text: string) {
  const [q] = useDebouncedValue(text.trim(), 200);
  const { data = [], isPlaceholderData } = useQuery({
    queryKey: ["find", kind, q],
    queryFn: () => find(kind, q),
    placeholderData: (before) => before,
  });
  // Until it is found what was typed, nothing else is offered: Enter would choose it.
  const typed = text.trim().toLowerCase();
  const late = isPlaceholderData || q.toLowerCase() !== typed;
  return late ? data.filter(([, name]) => name.toLowerCase().includes(typed)) : data;
}

interface Common {
  kind: EntityKind;
  label?: ReactNode;
  /** In the place of a label that is shown, as filters have it. */
  "aria-label"?: string;
  w?: SelectProps["w"];
  placeholder?: string;
  description?: string;
  error?: ReactNode;
  required?: boolean;
  disabled?: boolean;
}

/** One entity, by its name. */
export function EntitySelect({
  kind,
  value,
  onChange,
  clearable = true,
  ...rest
}: Common & { value: string | null; onChange: (id: string | null) => void; clearable?: boolean }) {
  const [text, setText] = useState("");
  const names = useNames(kind, value === null ? [] : [value]);
  // The chosen one's own name would find only itself.
  const searched = value !== null && text === names.get(value) ? "" : text;
  const found = useFound(kind, searched);
  const chosen: [string, string][] = [...names].filter(([id]) => !found.some(([one]) => one === id));
  return (
    <Select
      {...rest}
      searchable
      clearable={clearable}
      allowDeselect={clearable}
      data={[...chosen, ...found].map(([value, label]) => ({ value, label }))}
      value={value}
      onChange={onChange}
      searchValue={text}
      onSearchChange={setText}
      filter={({ options }) => options}
      nothingFoundMessage={t.noMatches}
    />
  );
}

/** Several entities of a kind, by their names. */
export function EntityMultiSelect({
  kind,
  value,
  onChange,
  ...rest
}: Common & { value: readonly string[]; onChange: (ids: string[]) => void }) {
  const [text, setText] = useState("");
  const names = useNames(kind, value);
  const found = useFound(kind, text);
  const chosen: [string, string][] = [...names].filter(([id]) => !found.some(([one]) => one === id));
  return (
    <MultiSelect
      {...rest}
      searchable
      clearable
      hidePickedOptions
      data={[...chosen, ...found].map(([value, label]) => ({ value, label }))}
      value={[...value]}
      onChange={onChange}
      searchValue={text}
      onSearchChange={setText}
      filter={({ options }) => options}
      nothingFoundMessage={t.noMatches}
    />
  );
}
