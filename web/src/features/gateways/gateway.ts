/** A gateway's form: what it begins with, and what it says to the API. */

import { api, client, type Schemas } from "../../api/index.ts";
import type { Versioned } from "../../components/useEdit.ts";

export type Gateway = Schemas["Gateway"];

/** A type and not an interface, so that it is a record of its fields. */
export type GatewayForm = {
  name: string;
  endpoint: string;
  address_pool_v4: string;
  address_pool_v6: string;
  dns_servers: string[];
  dns_search: string[];
  internal_networks: string[];
  masquerade_interfaces: string[];
  /** What number inputs hold: an empty text where there is none. */
  listen_port: number | string;
  mtu: number | string;
  persistent_keepalive: number | string;
  max_stale_s: number | string;
  preshared_keys: boolean;
  public_key: string;
};

export const EMPTY: GatewayForm = {
  name: "",
  endpoint: "",
  address_pool_v4: "",
  address_pool_v6: "",
  dns_servers: [],
  dns_search: [],
  internal_networks: [],
  masquerade_interfaces: [],
  listen_port: "",
  mtu: 1420,
  persistent_keepalive: 25,
  max_stale_s: 0,
  preshared_keys: false,
  public_key: "",
};

const OFTEN = 5_000;

export function useGateway(id: string) {
  return api.useQuery(
    "get",
    "/admin/gateways/{id}",
    { params: { path: { id } } },
    { refetchInterval: OFTEN },
  );
}

export async function readGateway(id: string): Promise<Gateway> {
  const { data } = await client.GET("/admin/gateways/{id}", { params: { path: { id } } });
  if (data === undefined) {
    throw new Error(`GET /admin/gateways/${id} had no body`);
  }
  return data;
}

export function formOf(gateway: Gateway): Versioned<GatewayForm> {
  const values = {
    name: gateway.name,
    endpoint: gateway.endpoint,
    address_pool_v4: gateway.address_pool_v4,
    address_pool_v6: gateway.address_pool_v6 ?? "",
    dns_servers: gateway.dns_servers,
    dns_search: gateway.dns_search,
    internal_networks: gateway.internal_networks,
    masquerade_interfaces: gateway.masquerade_interfaces,
    listen_port: gateway.listen_port,
    mtu: gateway.mtu,
    persistent_keepalive: gateway.persistent_keepalive,
    max_stale_s: gateway.max_stale_s,
    preshared_keys: gateway.preshared_keys,
    public_key: gateway.public_key ?? "",
  };
  return { values, version: gateway.version };
}

function number(value: number | string): number | null {
  return value === "" ? null : Number(value);
}

function settings(form: GatewayForm) {
  return {
    name: form.name.trim(),
    endpoint: form.endpoint.trim(),
    dns_servers: form.dns_servers,
    dns_search: form.dns_search,
    internal_networks: form.internal_networks,
    masquerade_interfaces: form.masquerade_interfaces,
    listen_port: number(form.listen_port),
    mtu: number(form.mtu),
    persistent_keepalive: number(form.persistent_keepalive),
    max_stale_s: number(form.max_stale_s),
    preshared_keys: form.preshared_keys,
    public_key: form.public_key.trim() === "" ? null : form.public_key.trim(),
  };
}

export function createOf(form: GatewayForm): Schemas["GatewayCreate"] {
  const pool6 = form.address_pool_v6.trim();
  return {
    ...settings(form),
    address_pool_v4: form.address_pool_v4.trim(),
    ...(pool6 === "" ? {} : { address_pool_v6: pool6 }),
  };
}

/** What changes, as far as it can be said: there is no gateway without a number or key that is empty in between. */
export function patchOf(before: GatewayForm, after: GatewayForm): Schemas["GatewayPatch"] {
  const [was, is] = [settings(before), settings(after)];
  const changed = Object.entries(is).filter(
    ([field, value]) =>
      value !== null && JSON.stringify(value) !== JSON.stringify(was[field as keyof typeof was]),
  );
  return Object.fromEntries(changed) as Schemas["GatewayPatch"];
}
