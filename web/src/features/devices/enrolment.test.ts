import { describe, expect, it } from "vitest";

import type { Schemas } from "../../api/client.ts";
import { type EnrolForm, holdsSecret, isPublicKey, newDevice, tunnelName } from "./enrolment.ts";

const KEY = "kxvBV2eaKeLjOXxDPnmXRBwTQ7D4YZ5n0aBMZ3mHl0s=";
const form: EnrolForm = {
  owner: null,
  name: " Phone ",
  platform: "ios",
  keyFrom: "server",
  public_key: KEY,
  gateway_id: null,
  expires_at: "",
};

describe("a public key", () => {
  it("is 32 bytes in base64", () => {
    expect(isPublicKey(` ${KEY}\n`)).toBe(true);
    expect(isPublicKey(KEY.slice(1))).toBe(false);
    // The last character but one would hold bits past the 32 bytes.
    expect(isPublicKey(`${KEY.slice(0, 42)}t=`)).toBe(false);
    expect(isPublicKey("")).toBe(false);
  });
});

describe("the request for a new device", () => {
  it("asks for a key, or gives one, never both", () => {
    expect(newDevice(form)).toEqual({ name: "Phone", platform: "ios", generate_key: true });
    expect(newDevice({ ...form, keyFrom: "device" })).toEqual({
      name: "Phone",
      platform: "ios",
      public_key: KEY,
    });
  });

  it("has the gateway and the end where they are given", () => {
    const at = "2027-03-01T03:00";
    const asked = newDevice({ ...form, gateway_id: "g", expires_at: at });
    expect(asked.gateway_id).toBe("g");
    expect(asked.expires_at).toBe(new Date(at).toISOString());
  });
});

describe("a tunnel's name", () => {
  it("is one that WireGuard takes", () => {
    expect(tunnelName("Anna’s phone")).toBe("anna-s-phone");
    expect(tunnelName("Büro-Rechner von Jörg")).toBe("bu-ro-rechner-v");
    expect(tunnelName("a".repeat(14) + " b")).toBe("a".repeat(14));
    expect(tunnelName("電話")).toBe("nexavpn");
  });
});

describe("what is shown once", () => {
  it("is a key that was made, or a preshared one", () => {
    const enrolment = (complete: boolean, preshared: string | null) =>
      ({ profile: { complete }, peer: { preshared_key: preshared } }) as Schemas["Enrolment"];
    expect(holdsSecret(enrolment(true, null))).toBe(true);
    expect(holdsSecret(enrolment(false, "psk"))).toBe(true);
    expect(holdsSecret(enrolment(false, null))).toBe(false);
    expect(holdsSecret({ device: { id: "d" }, private_key: "k" })).toBe(true);
    expect(holdsSecret({ device: { id: "d" } })).toBe(false);
    expect(holdsSecret({ secret_already_shown: true })).toBe(false);
  });
});
