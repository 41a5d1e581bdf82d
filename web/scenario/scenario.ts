/**
 * A short life with the generated client, against a live server:
 *
 *     node scenario/scenario.ts <url> <username> <password>
 */

import assert from "node:assert/strict";

import { ApiError, api, expect } from "../src/api/client.ts";

const [base, username, password] = process.argv.slice(2);
assert(base && username && password, "usage: scenario.ts <url> <username> <password>");

let token: string | undefined;
const client = api(base, () => token);

const session = await expect(client.POST("/auth/login", { body: { username, password } }));
token = session.access_token;
const me = await expect(client.GET("/auth/me"));
assert.equal(me.role, "admin");

const created = await expect(
  client.POST("/admin/users", { body: { username: "typescript", role: "user" } }),
);
const { id } = created;
const page = await expect(
  client.GET("/admin/users", { params: { query: { q: "typescr", sort: "-created_at" } } }),
);
assert.deepEqual(page.items.map((user) => user.id), [id]);

const enrolled = await expect(
  client.POST("/admin/users/{id}/devices", {
    params: { path: { id } },
    body: { name: "laptop", platform: "linux", generate_key: true },
  }),
);
assert("peer" in enrolled);
assert(enrolled.profile.complete);
assert.match(enrolled.profile.content, /^PrivateKey = /m);
assert.deepEqual(enrolled.resources, []);

await expect(
  client.POST("/admin/policies", {
    body: {
      name: "Finance",
      priority: 100,
      effect: "allow",
      destinations: ["172.16.20.0/24"],
      targets: [{ type: "user", id }],
    },
  }),
);
const decided = await expect(
  client.GET("/admin/access", {
    params: { query: { user: id, destination: "172.16.20.5", protocol: "tcp", port: 443 } },
  }),
);
assert.deepEqual(decided.items.map((item) => item.allowed), [true]);

const refused = client.POST("/admin/users", { body: { username: "typescript" } });
await assert.rejects(expect(refused), (error: unknown) => {
  return error instanceof ApiError && error.status === 409 && error.code === "username_taken";
});

await expect(client.POST("/auth/logout", { body: { refresh_token: session.refresh_token } }));
await assert.rejects(expect(client.GET("/auth/me")), { status: 401 });
console.log("done");
