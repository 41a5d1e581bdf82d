import { useSearchParams } from "react-router";

/**
 * The tab of a page, kept in the URL. The first one is shown where none is named, or one that does
 * not exist. What a tab's table keeps in the URL ends with the tab.
 */
export function useTab<T extends string>(tabs: readonly [T, ...T[]]): [T, (tab: string | null) => void] {
  const [params, setParams] = useSearchParams();
  const named = params.get("tab");
  const tab = tabs.find((one) => one === named) ?? tabs[0];
  const change = (next: string | null) => setParams(next === null || next === tabs[0] ? {} : { tab: next }, { replace: true });
  return [tab, change];
}
