/** Entities by their names: ids are not shown to people. */

import { useDebouncedValue } from "@mantine/hooks";
import { useQueries, useQuery } from "@tanstack/react-query";

import { ApiError, client } from "../api/index.ts";
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

/** What stands for a name that was not answered: only the server knows that there is none. */
function missing(error: unknown): string {
  return error instanceof ApiError && error.status === 404 ? t.gone : t.unnamed;
}

/** The names of entities by id. */
export function useNames(kind: EntityKind, ids: readonly string[]): Map<string, string> {
  const answers = useQueries({
    queries: ids.map((id) => ({
      queryKey: ["name", kind, id],
      queryFn: () => nameOf(kind, id),
      staleTime: HOUR,
    })),
  });
  return new Map(ids.map((id, n) => [id, answers[n]?.data ?? (answers[n]?.isError ? missing(answers[n].error) : "…")]));
}

/** What is found of a kind by what is typed: ids and names. */
function useFound(kind: EntityKind, text: string): { found: [string, string][]; late: boolean; failed: boolean } {
  const [q] = useDebouncedValue(text.trim(), 200);
  const query = useQuery({
    queryKey: ["find", kind, q],
    queryFn: () => find(kind, q),
    placeholderData: (before) => before,
  });
  const { data = [], isPending, isPlaceholderData } = query;
  // Until it is found what was typed, nothing else is offered: Enter would choose it.
  const typed = text.trim().toLowerCase();
  const late = isPending || isPlaceholderData || q.toLowerCase() !== typed;
  return {
    found: late ? data.filter(([, name]) => name.toLowerCase().includes(typed)) : data,
    late,
    failed: query.isError,
  };
}

/** What a field offers whose text is this: what is chosen already, and what is found. */
export function useOffered(kind: EntityKind, text: string, chosen: ReadonlyMap<string, string>) {
  const { found, late, failed } = useFound(kind, text);
  const rest = [...chosen].filter(([id]) => !found.some(([one]) => one === id));
  const data = [...rest, ...found].map(([value, label]) => ({ value, label, disabled: false }));
  if (failed) {
    data.push({ value: "unread", label: t.unread, disabled: true });
  }
  return { data, nothingFoundMessage: late ? t.searching : t.noMatches };
}
