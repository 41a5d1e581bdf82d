/** A device as it is read, and what an edit of it says to the API. */

import { useQuery } from "@tanstack/react-query";

import { client, type Schemas } from "../../api/index.ts";
import { fromLocalInput, toLocalInput } from "../../components/localTime.ts";
import type { Versioned } from "../../components/useEdit.ts";

export type Device = Schemas["Device"];

export interface ReadDevice {
  readonly device: Device;
  /** The number of its ETag. */
  readonly version: number;
}

/** A type and not an interface, so that it is a record of its fields. */
export type DeviceForm = {
  name: string;
  user_id: string | null;
  platform: string;
  gateway_id: string | null;
  assigned_ip: string;
  /** A local time, as `<input type="datetime-local">` has it. */
  expires_at: string;
};

/** The number in an ETag such as `"4"`. */
export function versionOf(etag: string | null): number {
  return Number(/^"(\d+)"$/.exec(etag ?? "")?.[1] ?? Number.NaN);
}

export async function readDevice(id: string): Promise<ReadDevice> {
  const { data, response } = await client.GET("/admin/devices/{id}", { params: { path: { id } } });
  if (data === undefined) {
    throw new Error(`GET /admin/devices/${id} had no body`);
  }
  return { device: data, version: versionOf(response.headers.get("etag")) };
}

const OFTEN = 15_000;

export function useDevice(id: string) {
  return useQuery({
    queryKey: ["device", id],
    queryFn: () => readDevice(id),
    // Handshakes and counters go on.
    refetchInterval: OFTEN,
  });
}

/** An address without the length of its prefix. */
export function bare(address: string | null | undefined): string {
  return address?.split("/")[0] ?? "";
}

/** When the device was last there: its client's word, or its gateway's. */
export function lastSeen(device: Device): string | undefined {
  const times = [device.last_seen_at, device.latest_handshake_at].filter((at) => typeof at === "string");
  return times.sort((a, b) => Date.parse(a) - Date.parse(b)).at(-1);
}

export function formOf({ device, version }: ReadDevice): Versioned<DeviceForm> {
  const values = {
    name: device.name ?? "",
    user_id: device.user_id,
    platform: device.platform,
    gateway_id: device.gateway_id,
    assigned_ip: bare(device.assigned_ip),
    expires_at: toLocalInput(device.expires_at),
  };
  return { values, version };
}

/**
 * What of a device changes. An address that stays as it is is left out, so that a device that moves
 * gets one of the other gateway.
 */
export function patchOf(before: DeviceForm, values: DeviceForm): Schemas["DevicePatch"] {
  const patch: Schemas["DevicePatch"] = {};
  if (values.name.trim() !== before.name) {
    patch.name = values.name.trim();
  }
  if (values.platform !== before.platform) {
    patch.platform = values.platform;
  }
  if (values.user_id !== before.user_id && values.user_id !== null) {
    patch.user_id = values.user_id;
  }
  if (values.gateway_id !== before.gateway_id && values.gateway_id !== null) {
    patch.gateway_id = values.gateway_id;
  }
  const address = values.assigned_ip.trim();
  if (address !== before.assigned_ip && address !== "") {
    patch.assigned_ip = address;
  }
  if (values.expires_at !== before.expires_at) {
    patch.expires_at = fromLocalInput(values.expires_at);
  }
  return patch;
}
