/** Entities by their names: ids are not shown to people. */

import { useDebouncedValue } from "@mantine/hooks";
import { useQueries, useQuery } from "@tanstack/react-query";

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

/** The names of entities by id. */
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

/** What is found of a kind by what is typed: ids and names. */
export function useFound(kind: EntityKind, text: string): [string, string][] {
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
