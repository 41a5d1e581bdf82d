/** The API by its generated client, for what a test takes for granted. */

import { randomBytes } from "node:crypto";

import { type Api, api, expect, type Schemas } from "../../src/api/client.ts";
import { ADMIN, ONE_TIME, PASSWORD, type Server } from "./server.ts";

/** The API as somebody who has signed in. */
export async function signedIn(server: Server, username: string, password: string): Promise<Api> {
  let token: string | undefined;
  const client = api(server.api, () => token);
  const session = await expect(client.POST("/auth/login", { body: { username, password } }));
  token = session.access_token;
  return client;
}

/** The first admin, whose password of the first start is replaced by {@link PASSWORD}. */
export async function admin(server: Server): Promise<Api> {
  const client = await signedIn(server, ADMIN, ONE_TIME);
  const body = { current_password: ONE_TIME, password: PASSWORD };
  await expect(client.POST("/me/password", { body }));
  return signedIn(server, ADMIN, PASSWORD);
}

/** A WireGuard public key that nobody has the private key of. */
export function someKey(): string {
  return randomBytes(32).toString("base64");
}

/** The id of what was created, which every such answer has. */
export async function created(
  answer: Promise<{ data?: { id: string }; error?: Schemas["Error"]; response: Response }>,
): Promise<string> {
  return (await expect(answer)).id;
}

export async function user(client: Api, username: string, more: Partial<Schemas["UserCreate"]> = {}) {
  return created(client.POST("/admin/users", { body: { username, ...more } }));
}

export async function gateway(client: Api, name: string, pool: string, endpoint?: string) {
  const body = {
    name,
    endpoint: endpoint ?? `${name}.example.com:51820`,
    address_pool_v4: pool,
    dns_servers: ["10.20.0.53"],
  };
  return created(client.POST("/admin/gateways", { body }));
}

export async function device(client: Api, owner: string, name: string, more: Partial<Schemas["NewDevice"]> = {}) {
  const params = { params: { path: { id: owner } } };
  const body = { name, generate_key: false, public_key: someKey(), ...more };
  const answer = await expect(client.POST("/admin/users/{id}/devices", { ...params, body }));
  if (!("device" in answer)) {
    throw new Error(`no device: ${JSON.stringify(answer)}`);
  }
  return answer.device.id;
}

export async function webhook(client: Api, url: string, more: Partial<Schemas["WebhookCreate"]> = {}) {
  const answer = await expect(client.POST("/admin/webhooks", { body: { url, ...more } }));
  if (!("id" in answer)) {
    throw new Error("the secret was shown before");
  }
  return answer.id;
}

/** A node that fetches and reports when it is told to. */
export class Node {
  readonly id: string;
  readonly #client: Api;

  private constructor(id: string, client: Api) {
    this.id = id;
    this.#client = client;
  }

  static async join(server: Server, client: Api, id: string): Promise<Node> {
    const params = { params: { path: { id } } };
    const answer = await expect(client.POST("/admin/gateways/{id}/join-token", params));
    if (!("token" in answer)) {
      throw new Error("the token was shown before");
    }
    const body = { token: answer.token, public_key: someKey(), agent_version: "0.1.0" };
    const anybody = api(server.api, () => undefined);
    const joined = await expect(anybody.POST("/gateways/join", { body }));
    return new Node(id, api(server.api, () => joined.credential));
  }

  /** Says which key it has made for a rotation, as it does with every report. */
  async announce(rotation: number): Promise<void> {
    await this.apply({ next_key: { rotation, public_key: someKey() } });
  }

  /** Fetches the newest bundle and says that it is in force, and what else there is to say. */
  async apply(more: Partial<Schemas["StatusReport"]> = {}): Promise<void> {
    const params = { params: { path: { id: this.id } } };
    const bundle = await expect(this.#client.GET("/admin/gateways/{id}/sync", params));
    if (!("payload" in bundle)) {
      throw new Error("no whole bundle");
    }
    const { epoch, revision } = bundle.payload;
    const body: Schemas["StatusReport"] = {
      agent_version: "0.1.0",
      applied: { epoch, revision, sha256: bundle.sha256 },
      peers: [],
      reported_at: new Date().toISOString(),
      features: ["key_rotation"],
      ...more,
    };
    await expect(this.#client.POST("/gateways/{id}/status", { ...params, body }));
  }
}
