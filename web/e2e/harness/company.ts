/** A company with everything that pages can show, for pictures and checks of all pages. */

import { type Api, expect, type Schemas } from "../../src/api/client.ts";
import { admin, created, device, gateway, Node, signedIn, user, webhook } from "./api.ts";
import type { Begun } from "./pages.ts";
import { PASSWORD, type Server, until } from "./server.ts";

/** Who sees everything and changes nothing. */
export const AUDITOR = "auditor";
/** Who is the first that an admin has added. */
export const FIRST = "alice";
/** Somebody whose password is due to be replaced. */
export const NEWCOMER = "newcomer";

export interface Company {
  readonly admin: Api;
  readonly users: string[];
  readonly groups: string[];
  readonly devices: string[];
  readonly policies: string[];
  readonly gateways: string[];
  /** Those of the first gateways. */
  readonly nodes: Node[];
  /** The admin, who has a device too. */
  readonly me: string;
  readonly webhook: string;
  /** Gateways in the middle of something: devices that cannot be moved, none left, a key announced. */
  readonly stuck: string;
  readonly drained: string;
  readonly rotating: string;
  /** What was deleted. */
  readonly gone: { readonly user: string; readonly group: string; readonly policy: string; readonly gateway: string };
}

const PEOPLE = [
  ["alice", "Alice Anderson"],
  ["bob", "Bob Brückner"],
  ["carol", "Carol Castellanos-Montgomery"],
  ["dave", "Dave Dubois"],
  ["erin", "Erin Eriksson"],
  ["frank", "Frank Fischer"],
  ["grace", "Grace García"],
  ["heidi", "Heidi Hoffmann"],
] as const;

/** What a node says of its host after so many seconds. */
export function host(seconds: number, load: number): Schemas["HostMetrics"] {
  return {
    os_name: "Debian GNU/Linux",
    os_version: "12",
    kernel: "6.1.0-28-amd64",
    uptime_s: 86_400 + seconds,
    cpus: 4,
    cpu: {
      user_ms: Math.round(seconds * 1000 * load),
      system_ms: seconds * 300,
      iowait_ms: seconds * 20,
      steal_ms: 0,
      idle_ms: seconds * 3000,
    },
    memory_total: 8_000_000_000,
    memory_available: 5_200_000_000,
    disk_total: 80_000_000_000,
    disk_free: 41_000_000_000,
    interfaces: [
      {
        name: "wg0",
        rx_bytes: seconds * 1_250_000,
        tx_bytes: seconds * 4_800_000,
        rx_packets: seconds * 1_000,
        tx_packets: seconds * 4_000,
        rx_errors: 0,
        tx_errors: 0,
      },
    ],
  };
}

export async function company(server: Server): Promise<Company> {
  const client = await admin(server);
  const gateways = [
    await gateway(client, "fra-1", "100.96.0.0/20"),
    await gateway(client, "ams-1", "100.97.0.0/20"),
    await gateway(client, "nyc-1", "100.98.0.0/20"),
  ];
  const nodes = await Promise.all(gateways.slice(0, 2).map((id) => Node.join(server, client, id)));
  const users: string[] = [];
  for (const [username, display_name] of PEOPLE) {
    const more = { display_name, email: `${username}@example.com`, password: PASSWORD, must_change_password: false };
    users.push(await user(client, username, more));
  }
  const more = { password: PASSWORD, must_change_password: false };
  await user(client, AUDITOR, { ...more, role: "auditor", display_name: "Ada Auditor" });
  await user(client, NEWCOMER, { password: PASSWORD });
  const group = (name: string, description: string, members: string[]) =>
    created(client.POST("/admin/groups", { body: { name, description, members } }));
  const groups = [
    await group("Engineering", "Everybody who builds", users.slice(0, 4)),
    await group("Finance", "Books and wages", users.slice(4, 6)),
    await group("On call", "Whoever has the pager this week", users.slice(1, 3)),
    await group("Contractors", "From other companies, until the end of the year", users.slice(6, 8)),
  ];
  const devices: string[] = [];
  for (const [n, owner] of users.entries()) {
    devices.push(await device(client, owner, `${PEOPLE[n]?.[0]}-laptop`, { platform: "linux" }));
    if (n % 2 === 0) {
      const soon = new Date(Date.now() + 3 * 86_400_000).toISOString();
      const more = { platform: "ios", ...(n === 6 ? { expires_at: soon } : {}) };
      devices.push(await device(client, owner, `${PEOPLE[n]?.[0]}-phone`, more));
    }
  }
  const all = (n: number) => ({ type: "group" as const, id: groups[n] ?? "" });
  const policy = (body: Schemas["PolicyCreate"]) => created(client.POST("/admin/policies", { body }));
  const web = [{ protocol: "tcp", ports: ["80", "443"] }];
  const policies = [
    await policy({
      name: "Intranet for engineers",
      description: "Wiki, source code and build servers",
      effect: "allow",
      destinations: ["172.16.10.0/24", "172.16.11.0/24", "fd00:10::/64"],
      targets: [all(0)],
      services: web,
    }),
    await policy({
      name: "Finance subnet",
      effect: "allow",
      destinations: ["172.16.20.0/24"],
      targets: [all(1)],
    }),
    await policy({
      name: "Production for whoever is on call",
      effect: "allow",
      priority: 50,
      destinations: ["10.50.0.0/16"],
      services: [{ protocol: "tcp", ports: ["22", "5432"] }],
      targets: [all(2)],
    }),
    await policy({
      name: "Contractors stay out of production",
      effect: "deny",
      priority: 10,
      destinations: ["10.50.0.0/16"],
      targets: [all(3)],
    }),
    await policy({
      name: "Guest printer",
      effect: "allow",
      enabled: false,
      destinations: ["172.16.99.7/32"],
      targets: [{ type: "user", id: users[7] ?? "" }],
    }),
  ];
  const change = { params: { path: { id: policies[0] ?? "" } } };
  const wider = { destinations: ["172.16.10.0/24", "172.16.11.0/24", "172.16.12.0/24", "fd00:10::/64"] };
  await expect(client.PATCH("/admin/policies/{id}", { ...change, body: wider }));
  const disable = { params: { path: { id: users[5] ?? "" } } };
  await expect(client.POST("/admin/users/{id}/disable", disable));
  const revoke = { params: { path: { id: devices.at(-1) ?? "" } } };
  await expect(client.POST("/admin/devices/{id}/revoke", { ...revoke, body: { reason: "lost" } }));
  // Somebody tries passwords.
  for (let n = 0; n < 3; n += 1) {
    await signedIn(server, "alice", "a wrong password").catch(() => undefined);
  }
  for (let n = 0; n < 3; n += 1) {
    for (const node of nodes) {
      await node.apply({ host: host(n * 10 + 10, 0.4 + n / 10) });
    }
  }
  const me = (await expect(client.GET("/auth/me"))).id;
  await device(client, me, "admin-laptop", { platform: "linux" });
  const hook = { description: "The chat of whoever is on call", event_types: ["device.*"] };
  const hooked = await webhook(client, "https://hooks.example.com/nexavpn", hook);
  const gone = await deleted(client);
  const busy = await underWay(server, client, users, gateways, nodes);
  return { admin: client, users, groups, devices, policies, gateways, nodes, me, webhook: hooked, gone, ...busy };
}

/** The first user, group, policy and gateway of somebody who has only just begun. */
export async function begun(client: Api): Promise<Begun> {
  return {
    user: await user(client, FIRST, { password: PASSWORD, must_change_password: false }),
    group: await created(client.POST("/admin/groups", { body: { name: "Engineering" } })),
    policy: await created(client.POST("/admin/policies", { body: { name: "Intranet", effect: "allow" } })),
    gateway: await gateway(client, "fra-1", "100.96.0.0/20"),
  };
}

const at = (id: string | undefined) => ({ params: { path: { id: id ?? "" } } });

/** A user with a device, a group, a policy and a gateway, of which only the history is left. */
async function deleted(client: Api): Promise<Company["gone"]> {
  const id = await user(client, "ivan", { display_name: "Ivan Ivanov" });
  await device(client, id, "ivan-laptop", { platform: "windows" });
  const group = await created(client.POST("/admin/groups", { body: { name: "Interns", members: [id] } }));
  const targets = [{ type: "group" as const, id: group }];
  const body = { name: "Old intranet", effect: "allow" as const, destinations: ["172.16.90.0/24"], targets };
  const policy = await created(client.POST("/admin/policies", { body }));
  await expect(client.DELETE("/admin/policies/{id}", at(policy)));
  await expect(client.DELETE("/admin/groups/{id}", at(group)));
  await expect(client.DELETE("/admin/users/{id}", at(id)));
  const old = await gateway(client, "old-1", "100.101.0.0/24");
  await expect(client.DELETE("/admin/gateways/{id}", at(old)));
  return { user: id, group, policy, gateway: old };
}

/** What takes gateways a while, and stays as it is. */
async function underWay(
  server: Server,
  client: Api,
  users: readonly string[],
  [, ams]: readonly string[],
  [, node]: readonly Node[],
): Promise<Pick<Company, "stuck" | "drained" | "rotating">> {
  // Where the devices are to go there is only one place, which is taken.
  const stuck = await gateway(client, "par-1", "100.99.0.0/24");
  const full = await gateway(client, "lab-1", "100.100.0.0/30");
  await Promise.all([stuck, full].map(async (id) => (await Node.join(server, client, id)).apply()));
  for (const [n, gateway_id] of [stuck, stuck, full].entries()) {
    await device(client, users[n] ?? "", `meeting-room-${n + 1}`, { gateway_id, platform: "linux" });
  }
  const drain = async (id: string, status: string, target?: string) => {
    await expect(client.POST("/admin/gateways/{id}/drain", { ...at(id), body: target === undefined ? {} : { target } }));
    await until(`the drain is ${status}`, async () => {
      const { data } = await client.GET("/admin/gateways/{id}", at(id));
      return data?.drain?.status === status;
    });
  };
  await drain(stuck, "stuck", full);
  // Otherwise it would have the fewest devices, and so be given the next ones.
  await drain(full, "drained");
  const switch_at = new Date(Date.now() + 86_400_000).toISOString();
  await expect(client.POST("/admin/gateways/{id}/key-rotation", { ...at(ams), body: { switch_at } }));
  await node?.announce(1);
  return { stuck, drained: full, rotating: ams ?? "" };
}
