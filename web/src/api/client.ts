/**
 * The API's client. Its types are generated from `api/openapi.json` (`npm run api`), so that a
 * request that the API does not know does not compile.
 */

import createClient, { type Client, type Middleware } from "openapi-fetch";

import type { components, paths } from "./schema.d.ts";

export type Schemas = components["schemas"];
export type Api = Client<paths, "application/json">;

/** What the API says where it refuses. */
export class ApiError extends Error {
  readonly status: number;
  readonly code: string;
  readonly details: Schemas["FieldError"][];
  /** Names the request in the server's log. */
  readonly requestId: string | undefined;

  constructor(status: number, body: Schemas["Error"]) {
    super(body.error.message);
    this.name = "ApiError";
    this.status = status;
    this.code = body.error.code;
    this.details = body.error.details ?? [];
    this.requestId = body.error.request_id ?? undefined;
  }
}

/**
 * A client of the control plane at this URL. `token` is asked before each request for the access
 * token; nobody is signed in where it gives none.
 */
export function api(base: string, token: () => string | undefined): Api {
  const client = createClient<paths, "application/json">({ baseUrl: `${base}/api/v1` });
  const signIn: Middleware = {
    onRequest({ request }) {
      const value = token();
      if (value !== undefined) {
        request.headers.set("authorization", `Bearer ${value}`);
      }
      return request;
    },
  };
  client.use(signIn);
  return client;
}

/** The body of a success; throws what the API says where it refuses. */
export async function expect<T>(
  answer: Promise<{ data?: T; error?: Schemas["Error"]; response: Response }>,
): Promise<T> {
  const { data, error, response } = await answer;
  if (error !== undefined) {
    throw new ApiError(response.status, error);
  }
  // 204 has no body, which is the type's `undefined`.
  return data as T;
}
