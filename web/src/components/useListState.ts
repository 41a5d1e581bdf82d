/** The filters, order and page of a table, kept in the URL: it can be sent to a colleague. */

import { useMemo } from "react";
import { useSearchParams } from "react-router";

export interface ListState {
  readonly q: string;
  readonly sort: string | undefined;
  readonly page: number;
  readonly pageSize: number;
  /** The filters that are set, by name. */
  readonly filters: Readonly<Record<string, string>>;
}

export const PAGE_SIZES = [25, 50, 100, 200];
const OWN = new Set(["q", "sort", "page", "page_size", "tab", "id"]);

/** Reads it; what is no number is as good as left out. */
export function readListState(params: URLSearchParams): ListState {
  const number = (name: string, usual: number) => {
    const value = Number(params.get(name) ?? usual);
    return Number.isInteger(value) && value > 0 ? value : usual;
  };
  const filters: Record<string, string> = {};
  for (const [name, value] of params) {
    if (!OWN.has(name) && value !== "") {
      filters[name] = value;
    }
  }
  const size = number("page_size", 50);
  return {
    q: params.get("q") ?? "",
    sort: params.get("sort") ?? undefined,
    page: number("page", 1),
    pageSize: PAGE_SIZES.includes(size) ? size : 50,
    filters,
  };
}

/** What changes; an empty value takes it out of the URL. Another filter or order begins at page 1. */
export function changeListState(
  params: URLSearchParams,
  changes: Record<string, string | number | null | undefined>,
): URLSearchParams {
  const next = new URLSearchParams(params);
  next.delete("page");
  next.delete("after");
  for (const [name, value] of Object.entries(changes)) {
    if (value === null || value === undefined || value === "" || (name === "page" && value === 1)) {
      next.delete(name);
    } else {
      next.set(name, String(value));
    }
  }
  return next;
}

/** Past so many rows pages have no numbers: the API goes on after the last row instead. */
const NUMBERED = 10_000;

/** What leads from a page to the next one, which begins at `next`. */
export function onward({ page, filters }: ListState, size: number, next: string | null | undefined) {
  const past = filters["after"] !== undefined || (page + 1) * size > NUMBERED;
  return past ? { after: next } : { page: page + 1 };
}

export function useListState() {
  const [params, setParams] = useSearchParams();
  const state = useMemo(() => readListState(params), [params]);
  // Of two filters that change at the same moment neither is lost: this is newer than what was drawn.
  const now = () => new URLSearchParams(location.search);
  const set = (changes: Record<string, string | number | null | undefined>) =>
    setParams(() => changeListState(now(), changes), { replace: true });
  /** The same as a step that the browser's Back undoes. */
  const go = (changes: Record<string, string | number | null | undefined>) =>
    setParams(() => changeListState(now(), changes));
  const { after, ...filters } = state.filters;
  const query = {
    ...(state.q === "" ? {} : { q: state.q }),
    ...(state.sort === undefined ? {} : { sort: state.sort }),
    ...(after === undefined ? { page: state.page } : { after }),
    page_size: state.pageSize,
    ...filters,
  };
  /** `query` is what the API's lists take. */
  const filtered = state.q !== "" || Object.keys(filters).length > 0;
  return { ...state, query, set, go, filtered, atFirst: state.page === 1 && after === undefined };
}
