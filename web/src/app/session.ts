/**
 * Who is signed in. The access token lives in this module's memory only; the refresh token in a
 * cookie that no script can read (`/auth/browser/…`), so that a script that somebody smuggles in
 * cannot take the session away with it.
 */

import { useSyncExternalStore } from "react";

import { ApiError, type Schemas } from "../api/client.ts";
import { t } from "../text/common.ts";

export interface SessionState {
  /**
   * `starting` until it is known whether the cookie still works; `expired` where somebody was
   * signed in and has to give the password again, with the page as it was below.
   */
  readonly status: "starting" | "anonymous" | "signed-in" | "expired";
  readonly user: Schemas["UserSummary"] | null;
  readonly passwordDue: boolean;
}

interface Answer {
  access_token: string;
  expires_in: number;
  user: Schemas["UserSummary"];
  password_change_required: boolean;
}

/** A token is renewed so long before it ends, in milliseconds. */
const EARLY = 60_000;
/** Tabs renew one after another: a refresh token works once. */
const LOCK = "nexavpn-refresh";
const BASE = "/api/v1/auth/browser";

let state: SessionState = { status: "starting", user: null, passwordDue: false };
let token: string | undefined;
let renewal: Promise<boolean> | undefined;
let timer: ReturnType<typeof setTimeout> | undefined;
const listeners = new Set<() => void>();
let forget: () => void = () => undefined;
const otherTabs = typeof BroadcastChannel === "undefined" ? null : new BroadcastChannel("nexavpn");

function become(next: SessionState): void {
  const other = next.user?.id !== state.user?.id;
  state = next;
  if (other) {
    forget();
  }
  for (const listener of listeners) {
    listener();
  }
}

function over(status: "anonymous" | "expired"): void {
  token = undefined;
  clearTimeout(timer);
  const kept = status === "expired" ? state.user : null;
  become({ status, user: kept, passwordDue: false });
}

async function post(path: string, body?: unknown): Promise<Response> {
  return fetch(`${BASE}/${path}`, {
    method: "POST",
    credentials: "same-origin",
    ...(body === undefined
      ? {}
      : { headers: { "content-type": "application/json" }, body: JSON.stringify(body) }),
  });
}

/** What the server says where it refuses; a proxy in between may say anything. */
export async function refusal(response: Response): Promise<ApiError> {
  const body = await response.json().catch(() => undefined);
  const known = typeof body?.error?.code === "string";
  const message = t.problem.answered(response.status);
  return new ApiError(response.status, known ? body : { error: { code: "unknown", message } });
}

function begin(answer: Answer): void {
  token = answer.access_token;
  clearTimeout(timer);
  const wait = Math.max(answer.expires_in * 1000 - EARLY, 1000);
  timer = setTimeout(() => void renew().catch(() => undefined), wait);
  const { user, password_change_required: passwordDue } = answer;
  become({ status: "signed-in", user, passwordDue });
}

async function renewNow(): Promise<boolean> {
  const before = token;
  const response = await post("refresh");
  if (token !== before) {
    // Somebody signed in or out meanwhile.
    return token !== undefined;
  }
  if (response.status === 401) {
    over(state.user === null ? "anonymous" : "expired");
    return false;
  }
  if (!response.ok) {
    throw await refusal(response);
  }
  begin(await response.json());
  return true;
}

/** A new access token, by the cookie; false where that no longer works. Throws where nobody answers. */
export function renew(): Promise<boolean> {
  // Without TLS browsers have no locks; two tabs at the very same moment are then the server's to
  // forgive.
  const locks: LockManager | undefined = navigator.locks;
  const begun =
    renewal ??
    (async () => (locks === undefined ? renewNow() : locks.request(LOCK, renewNow)))().finally(() => {
      renewal = undefined;
    });
  renewal = begun;
  return begun;
}

/** Finds out whether somebody is signed in. */
export async function start(): Promise<void> {
  await renew();
}

/** Signs in. Throws the server's refusal. */
export async function signIn(username: string, password: string): Promise<void> {
  const response = await post("login", { username, password });
  if (!response.ok) {
    throw await refusal(response);
  }
  begin(await response.json());
}

/** Signs out, here and in the other tabs. */
export async function signOut(): Promise<void> {
  const response = await post("logout");
  if (!response.ok) {
    throw await refusal(response);
  }
  over("anonymous");
  otherTabs?.postMessage("signed-out");
}

/** What the server refused a token for: it no longer works. */
export function tokenRefused(refused: string | undefined): Promise<boolean> {
  // Another request may have renewed it meanwhile.
  return token !== undefined && token !== refused ? Promise.resolve(true) : renew();
}

/** The token of the next request. */
export function accessToken(): string | undefined {
  return token;
}

/** After a new password was chosen. */
export function passwordChanged(): void {
  become({ ...state, passwordDue: false });
}

otherTabs?.addEventListener("message", (message) => {
  if (message.data === "signed-out") {
    over("anonymous");
  }
});

/** Does this whenever it is somebody else, or nobody, before a page learns of it. */
export function whenSomebodyElse(act: () => void): void {
  forget = act;
}

export function useSession(): SessionState {
  return useSyncExternalStore(
    (listener) => {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    () => state,
  );
}

/** Whether the one who is signed in sees the whole fleet, and not only what is their own. */
export function useAdministers(): boolean {
  return useSession().user?.role !== "user";
}

/** Whether the one who is signed in may change anything: auditors only look. */
export function useMayChange(): boolean {
  return useSession().user?.role === "admin";
}
