import { useQuery } from "@tanstack/react-query";

import { allOf } from "../../api/allOf.ts";
import { client } from "../../api/index.ts";
import { asked, destinationsOf, INTERNET, meeting, type Policy, type Subject, subjectsOf } from "./matrix.ts";

/** All policies in force at a moment, in the order in which they are asked. */
export function usePoliciesInForce(at: string | undefined) {
  return useQuery({
    queryKey: ["matrix", "policies", at],
    queryFn: async () => {
      const query = { in_force: true, ...(at === undefined ? {} : { at }) };
      const { items, whole } = await allOf((page) =>
        client.GET("/admin/policies", { params: { query: { ...query, ...page } } }),
      );
      // With more of them a matrix says less than a search.
      return { policies: asked(items), capped: !whole };
    },
    placeholderData: (before) => before,
  });
}

/** The ids of what is called so, of each kind; `capped` where there are more of some than were read. */
export function useNamed(q: string) {
  return useQuery({
    queryKey: ["matrix", "named", q],
    queryFn: async () => {
      const found = await Promise.all([
        allOf((page) => client.GET("/admin/groups", { params: { query: { q, ...page } } })),
        allOf((page) => client.GET("/admin/users", { params: { query: { q, ...page } } })),
        allOf((page) => client.GET("/admin/devices", { params: { query: { q, ...page } } })),
      ]);
      return {
        ids: new Set(found.flatMap(({ items }) => items.map(({ id }) => id))),
        capped: found.some(({ whole }) => !whole),
      };
    },
    enabled: q !== "",
    placeholderData: (before) => before,
  });
}

/** The rows and columns that the filters leave; of the others only what these have to do with. */
export function filtered(
  policies: readonly Policy[],
  filters: { kind: string | null; named: ReadonlySet<string> | undefined; text: string; internet: string },
): { subjects: Subject[]; destinations: string[] } {
  const text = filters.text.trim().toLowerCase();
  const subjects = subjectsOf(policies).filter(
    ({ type, id }) =>
      (filters.kind === null || type === filters.kind) && (filters.named === undefined || filters.named.has(id)),
  );
  if (text === "") {
    const all = destinationsOf(policies);
    const narrowed = filters.kind !== null || filters.named !== undefined;
    return narrowed ? meeting(policies, subjects, all) : { subjects, destinations: all };
  }
  const byPolicy = new Set(destinationsOf(policies.filter(({ name }) => name.toLowerCase().includes(text))));
  const says = (destination: string) => (destination === INTERNET ? filters.internet : destination).toLowerCase();
  const destinations = destinationsOf(policies).filter((one) => says(one).includes(text) || byPolicy.has(one));
  return meeting(policies, subjects, destinations);
}

/** Those of a page, from 0, and where it begins and ends. */
export function pageOf<T>(list: readonly T[], page: number, size: number) {
  const pages = Math.max(1, Math.ceil(list.length / size));
  const at = Math.min(Math.max(page, 0), pages - 1);
  const items = list.slice(at * size, (at + 1) * size);
  return { items, at, pages, from: list.length === 0 ? 0 : at * size + 1, to: at * size + items.length, total: list.length };
}

