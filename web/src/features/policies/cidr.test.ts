import { describe, expect, test } from "vitest";

import { covers, parseNetwork, sizeOf, splitNetworks } from "./cidr.ts";

function network(text: string): string | undefined {
  const checked = parseNetwork(text);
  return checked.ok ? checked.network : undefined;
}

describe("what is a network", () => {
  test.each([
    ["172.16.20.0/24", "172.16.20.0/24"],
    ["0.0.0.0/0", "0.0.0.0/0"],
    ["255.255.255.255/32", "255.255.255.255/32"],
    ["10.0.0.7", "10.0.0.7/32"],
    ["  10.0.0.0/8 ", "10.0.0.0/8"],
    ["10.0.0.0/08", "10.0.0.0/8"],
    ["::/0", "::/0"],
    ["::", "::/128"],
    ["::1", "::1/128"],
    ["2001:db8::/32", "2001:db8::/32"],
    ["2001:DB8:0:0:0:0:0:0/32", "2001:db8::/32"],
    ["2001:db8:0:1:1:1:1:1", "2001:db8:0:1:1:1:1:1/128"],
    ["2001:0:0:1:0:0:0:1", "2001:0:0:1::1/128"],
    ["2001:db8:0:0:1:0:0:1", "2001:db8::1:0:0:1/128"],
    ["fd00:1:2:3:4:5:6:0/112", "fd00:1:2:3:4:5:6:0/112"],
    ["64:ff9b::192.0.2.33", "64:ff9b::c000:221/128"],
    ["::ffff:0:0/95", undefined],
    ["1:2:3:4:5:6:7::", "1:2:3:4:5:6:7:0/128"],
  ])("%s is %s", (text, expected) => expect(network(text)).toBe(expected));

  test("its family and prefix are known", () => {
    expect(parseNetwork("10.0.0.0/8")).toMatchObject({ family: 4, prefix: 8 });
    expect(parseNetwork("fd00::/8")).toMatchObject({ family: 6, prefix: 8 });
  });
});

describe("what is none", () => {
  test.each([
    "",
    "/24",
    "10.0.0/24",
    "10.0.0.0.0/24",
    "10.0.0.256/32",
    "010.0.0.0/8",
    "10.0.0.0/8/8",
    "10.0.0.-1",
    "example.com",
    "10.0.0.0-10.0.0.9",
    ":::",
    "1::2::3",
    "1:2:3:4:5:6:7",
    "1:2:3:4:5:6:7:8:9",
    "1:2:3:4:5:6:7:8::",
    "12345::",
    "g::",
    "fe80::1%eth0",
    "1.2.3.4::",
    "::1.2.3",
    ":1:2:3:4:5:6:7",
    "1:2:3:4:5:6:7:",
  ])("%j has no form of one", (text) => {
    expect(parseNetwork(text)).toEqual({ ok: false, because: "form", meant: [] });
  });

  test.each(["10.0.0.0/33", "10.0.0.0/", "10.0.0.0/x", "10.0.0.0/+8", "10.0.0.0/-8", "::/129"])(
    "%j and its prefix",
    (text) => expect(parseNetwork(text)).toEqual({ ok: false, because: "prefix", meant: [] }),
  );

  test.each([
    ["10.0.0.1/8", ["10.0.0.0/8", "10.0.0.1/32"]],
    ["192.168.1.130/25", ["192.168.1.128/25", "192.168.1.130/32"]],
    ["1.2.3.4/0", ["0.0.0.0/0", "1.2.3.4/32"]],
    ["2001:db8::1/64", ["2001:db8::/64", "2001:db8::1/128"]],
    ["2001:db8:0:ff::/57", ["2001:db8:0:80::/57", "2001:db8:0:ff::/128"]],
  ])("%s has host bits set", (text, meant) => {
    expect(parseNetwork(text)).toEqual({ ok: false, because: "hostBits", meant });
    // What is offered is taken.
    expect(meant.map(network)).toEqual(meant);
  });

  test("IPv4 inside IPv6 is to be written as IPv4", () => {
    expect(parseNetwork("::ffff:10.1.2.3")).toEqual({ ok: false, because: "mapped", meant: ["10.1.2.3/32"] });
    expect(parseNetwork("::ffff:a01:203/104")).toEqual({ ok: false, because: "mapped", meant: ["10.0.0.0/8"] });
  });

  test("a netmask is a prefix written otherwise", () => {
    const of = (text: string) => parseNetwork(text);
    expect(of("10.1.2.3/255.255.0.0")).toEqual({ ok: false, because: "netmask", meant: ["10.1.0.0/16"] });
    expect(of("0.0.0.0/0.0.0.0")).toEqual({ ok: false, because: "netmask", meant: ["0.0.0.0/0"] });
    expect(of("10.0.0.0/255.0.255.0")).toEqual({ ok: false, because: "netmask", meant: [] });
  });
});

test("pasted lists come apart", () => {
  const text = "10.0.0.0/8, 10.1.0.0/16;fd00::/8\r\n# the office\n 192.168.0.0/24  # floor 2\n\n";
  expect(splitNetworks(text)).toEqual(["10.0.0.0/8", "10.1.0.0/16", "fd00::/8", "192.168.0.0/24"]);
  expect(splitNetworks("  \n")).toEqual([]);
});

test("how many addresses there are", () => {
  expect(sizeOf("10.0.0.0/24")).toBe(256n);
  expect(sizeOf("10.0.0.1")).toBe(1n);
  expect(sizeOf("::/0")).toBe(1n << 128n);
  expect(sizeOf("nothing")).toBe(0n);
});

test("one network may lie in another", () => {
  expect(covers("10.0.0.0/8", "10.9.0.0/16")).toBe(true);
  expect(covers("10.0.0.0/8", "10.0.0.0/8")).toBe(true);
  expect(covers("10.0.0.0/16", "10.0.0.0/8")).toBe(false);
  expect(covers("10.0.0.0/8", "11.0.0.0/16")).toBe(false);
  expect(covers("0.0.0.0/0", "fd00::/8")).toBe(false);
  expect(covers("fd00::/8", "fd12:3456::/32")).toBe(true);
  expect(covers("::/0", "fd12:3456::/32")).toBe(true);
});
