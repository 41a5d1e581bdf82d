/** The API as the pages use it: by the session, with reads that see one's own writes. */

import { QueryClient } from "@tanstack/react-query";
import createClient, { type Middleware } from "openapi-fetch";
import createHooks from "openapi-react-query";

import { accessToken, refusal, tokenRefused, whenSomebodyElse } from "../app/session.ts";
import { ApiError } from "./client.ts";
import { fetchNoting } from "./connection.ts";
import type { paths } from "./schema.d.ts";

export { ApiError, type Schemas } from "./client.ts";

const CONSISTENCY = "X-Consistency-Token";
/** What names the newest change that this page was answered: reads wait for it. */
let newest: string | undefined;

/** The keys of requests of which nobody has said what became of them, by what was asked. */
const unanswered = new Map<string, string>();

/** 128 random bits. `crypto.randomUUID` is missing where the page came without TLS. */
function randomKey(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}

/**
 * A change whose answer was lost, or is a failure, may have happened: asked for again, it has the
 * same `Idempotency-Key`, and so happens once.
 */
async function send(request: Request): Promise<Response> {
  if (request.method === "GET" || request.url.includes("/admin/preview/")) {
    return signedIn(request);
  }
  const asked = `${request.method} ${request.url} ${await request.clone().text()}`;
  const key = unanswered.get(asked) ?? randomKey();
  unanswered.set(asked, key);
  request.headers.set("Idempotency-Key", key);
  const response = await signedIn(request);
  // A proxy says 502 where the answer was lost, and the server may fail after it has done it.
  if (response.status < 500) {
    unanswered.delete(asked);
  }
  return response;
}

async function signedIn(request: Request): Promise<Response> {
  const again = request.clone();
  const used = accessToken();
  if (used !== undefined) {
    request.headers.set("authorization", `Bearer ${used}`);
  }
  const response = await fetchNoting(request);
  if (response.status !== 401 || !(await tokenRefused(used))) {
    return response;
  }
  again.headers.set("authorization", `Bearer ${accessToken()}`);
  return fetchNoting(again);
}

const conventions: Middleware = {
  onRequest({ request }) {
    if (newest !== undefined) {
      request.headers.set(CONSISTENCY, newest);
    }
    return request;
  },
  async onResponse({ response }) {
    newest = response.headers.get(CONSISTENCY) ?? newest;
    if (!response.ok) {
      throw await refusal(response);
    }
  },
};

/** Every method throws an {@link ApiError} where the server refuses, so `data` is there after it. */
export const client = createClient<paths, "application/json">({
  baseUrl: "/api/v1",
  fetch: send,
});
client.use(conventions);

/** `api.useQuery("get", "/admin/users", …)` and so on. */
export const api = createHooks(client);

export const queries = new QueryClient({
  defaultOptions: {
    // Whether somebody answers is told by asking: the browser only knows of its own cable.
    mutations: { networkMode: "always" },
    queries: {
      networkMode: "always",
      staleTime: 2_000,
      // What the server has decided it decides again; a lost connection may come back.
      retry: (count, error) => !(error instanceof ApiError && error.status < 500) && count < 2,
    },
  },
});

// Nobody sees what somebody else was shown.
whenSomebodyElse(() => {
  queries.clear();
  unanswered.clear();
});

/** Everything that is shown is read again: a change may show in many places. */
export function changed(): Promise<void> {
  return queries.invalidateQueries();
}
