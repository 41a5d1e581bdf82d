import { describe, expect, it } from "vitest";

import { type Device, type DeviceForm, formOf, lastSeen, patchOf, versionOf } from "./device.ts";

const device = {
  id: "d",
  name: "Phone",
  user_id: "u",
  platform: "ios",
  gateway_id: "g",
  assigned_ip: "100.96.0.10/32",
  expires_at: null,
} as Device;
const before: DeviceForm = formOf({ device, version: 4 }).values;

describe("what an edit says", () => {
  it("is nothing where nothing was changed", () => {
    expect(patchOf(before, before)).toEqual({});
  });

  it("leaves the address of a device that moves to the other gateway", () => {
    expect(patchOf(before, { ...before, gateway_id: "h" })).toEqual({ gateway_id: "h" });
    expect(patchOf(before, { ...before, gateway_id: "h", assigned_ip: "100.97.0.7" })).toEqual({
      gateway_id: "h",
      assigned_ip: "100.97.0.7",
    });
  });

  it("takes an emptied end for never, and an emptied address for none of its own", () => {
    const ending = { ...before, expires_at: "2027-03-01T03:00" };
    expect(patchOf(ending, before)).toEqual({ expires_at: null });
    expect(patchOf(before, { ...before, assigned_ip: " " })).toEqual({});
  });
});

it("was last seen when client or gateway saw it", () => {
  const early = "2026-03-01T10:00:00Z";
  const late = "2026-03-01T10:00:00.5Z";
  expect(lastSeen({ ...device, last_seen_at: late, latest_handshake_at: early })).toBe(late);
  expect(lastSeen({ ...device, latest_handshake_at: early })).toBe(early);
  expect(lastSeen(device)).toBeUndefined();
});

it("has the number of its ETag", () => {
  expect(versionOf('"12"')).toBe(12);
  expect(versionOf(null)).toBeNaN();
});
