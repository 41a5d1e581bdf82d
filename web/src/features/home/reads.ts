/** What the overview reads: a few requests, each shared by the parts that show it. */

import { api } from "../../api/index.ts";

/** The API's largest page. */
export const MOST = 200;
/** How often what nobody announces is read again, in milliseconds. */
const AGAIN = 30_000;
const DAY = 86_400_000;

const fresh = { refetchInterval: AGAIN };
const count = { page_size: 1 };

export function useGateways() {
  return api.useQuery("get", "/admin/gateways", { params: { query: { page_size: MOST } } }, fresh);
}

/** The newest active devices. */
export function useDevices() {
  const query = { status: "active", sort: "-created_at", page_size: MOST } as const;
  return api.useQuery("get", "/admin/devices", { params: { query } }, fresh);
}

export function usePolicies() {
  return api.useQuery("get", "/admin/policies", { params: { query: { in_force: true, page_size: MOST } } }, fresh);
}

export function useUserCount() {
  return api.useQuery("get", "/admin/users", { params: { query: count } }, fresh);
}

export function useDeviceCount(status: "expired" | "rotation_lapsed") {
  return api.useQuery("get", "/admin/devices", { params: { query: { status, ...count } } }, fresh);
}

/** A day ago, to the minute, so that it is the same question for a while. */
export function dayAgo(now: number): string {
  return new Date(Math.floor((now - DAY) / 60_000) * 60_000).toISOString();
}

export function useFailures(since: string) {
  const query = { status: "failure", from: since, ...count } as const;
  return api.useQuery("get", "/admin/audit-logs", { params: { query } }, fresh);
}
