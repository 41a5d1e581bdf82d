/** What the overview reads: a few requests, each shared by the parts that show it. */

import { useQuery } from "@tanstack/react-query";

import { allOf, PAGE } from "../../api/allOf.ts";
import { api, client } from "../../api/index.ts";

/** How often what nobody announces is read again, in milliseconds. */
const AGAIN = 30_000;
/** How often what is long and tells of days is read again. */
const SELDOM = 300_000;
const DAY = 86_400_000;

const fresh = { refetchInterval: AGAIN };
const count = { page_size: 1 };

/** All gateways: no list of the API has those only that are in some state. */
export function useGateways() {
  return useQuery({
    queryKey: ["home", "gateways"],
    queryFn: () => allOf((page) => client.GET("/admin/gateways", { params: { query: page } })),
    ...fresh,
  });
}

/** Active devices whose time ends, or that have to get a new key, until a time: the most urgent first. */
export function useDueDevices(until: string) {
  const query = { status: "active", due_before: until, sort: "due_at", page_size: PAGE } as const;
  return api.useQuery("get", "/admin/devices", { params: { query } }, fresh);
}

/** How many active devices there are; of those that fulfil a condition, where there is one. */
export function useActiveCount(condition: { handshake_since?: string; seen_since?: string } = {}) {
  const query = { status: "active", ...condition, ...count } as const;
  return api.useQuery("get", "/admin/devices", { params: { query } }, fresh);
}

/** All policies in force: no list of the API has those only that end soon. */
export function usePolicies() {
  return useQuery({
    queryKey: ["home", "policies"],
    queryFn: () =>
      allOf((page) => client.GET("/admin/policies", { params: { query: { in_force: true, ...page } } })),
    refetchInterval: SELDOM,
  });
}

export function usePolicyCount() {
  return api.useQuery("get", "/admin/policies", { params: { query: { in_force: true, ...count } } }, fresh);
}

export function useUserCount() {
  return api.useQuery("get", "/admin/users", { params: { query: count } }, fresh);
}

export function useDeviceCount(status: "expired" | "rotation_lapsed") {
  return api.useQuery("get", "/admin/devices", { params: { query: { status, ...count } } }, fresh);
}

/** So many milliseconds from now, or before it, to the minute, so that it is the same question for a while. */
export function minuteAt(now: number, away: number): string {
  return new Date(Math.floor((now + away) / 60_000) * 60_000).toISOString();
}

/** A day ago. */
export function dayAgo(now: number): string {
  return minuteAt(now, -DAY);
}

export function useFailures(since: string) {
  const query = { status: "failure", from: since, ...count } as const;
  return api.useQuery("get", "/admin/audit-logs", { params: { query } }, fresh);
}
