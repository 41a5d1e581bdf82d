import { describe, expect, it } from "vitest";

import { gatewaysText } from "../../text/gateways.ts";
import { consequences } from "./consequences.ts";
import { createOf, EMPTY, type GatewayForm, patchOf } from "./gateway.ts";

const form: GatewayForm = {
  ...EMPTY,
  name: " fra-1 ",
  endpoint: "vpn.example.com:51820",
  address_pool_v4: "100.96.0.0/16",
};

describe("a gateway's form", () => {
  it("leaves to the server what is left empty", () => {
    const body = createOf(form);
    expect(body.name).toBe("fra-1");
    expect(body.listen_port).toBeNull();
    expect(body.public_key).toBeNull();
    expect(body).not.toHaveProperty("address_pool_v6");
  });

  it("sends only what changes, and lists as a whole", () => {
    const after = { ...form, dns_servers: ["10.0.0.53"], mtu: 1380, address_pool_v4: "10.0.0.0/8" };
    expect(patchOf(form, after)).toEqual({ dns_servers: ["10.0.0.53"], mtu: 1380 });
    expect(patchOf(after, { ...after, dns_servers: [] })).toEqual({ dns_servers: [] });
  });

  it("cannot take a number away", () => {
    expect(patchOf(form, { ...form, mtu: "" })).toEqual({});
  });
});

describe("what a change of a gateway does", () => {
  it("is said of the devices whose profiles change, where there are any", () => {
    expect(consequences({ endpoint: "b:1" }, 3)).toEqual([gatewaysText.form.profiles(3)]);
    expect(consequences({ endpoint: "b:1" }, 0)).toEqual([]);
    expect(consequences({ name: "other" }, 3)).toEqual([]);
  });

  it("tells an end of patience from none", () => {
    expect(consequences({ max_stale_s: 0 }, 1)).toEqual([gatewaysText.form.staleNever]);
    expect(consequences({ max_stale_s: 60 }, 1)).toEqual([gatewaysText.form.staleChanges(60)]);
  });
});
