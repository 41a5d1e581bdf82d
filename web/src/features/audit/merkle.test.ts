// @vitest-environment node

import { expect, test } from "vitest";

import { canonical, continues, fromBase64, isIncluded, leafHash } from "./merkle.ts";

/**
 * The tree of eight leaves that Certificate Transparency's own tests use. Its roots are known from
 * there; the paths and proofs were made from the definitions in RFC 6962 (sections 2.1.1 and 2.1.2)
 * by a program of its own in another language.
 */
const LEAVES = ["", "00", "10", "2021", "3031", "40414243", "5051525354555657", "606162636465666768696a6b6c6d6e6f"];

const ROOTS = [
  "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
  "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
  "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
  "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
  "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
  "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
  "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
  "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
  "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
];

/** Place, size, path. */
const PATHS: [number, number, string[]][] = [
  [0, 1, []],
  [
    0,
    8,
    [
      "96a296d224f285c67bee93c30f8a309157f0daa35dc5b87e410b78630a09cfc7",
      "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
      "6b47aaf29ee3c2af9af889bc1fb9254dabd31177f16232dd6aab035ca39bf6e4",
    ],
  ],
  [
    5,
    8,
    [
      "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b",
      "ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0",
      "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    ],
  ],
  [
    2,
    3,
    [
      "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    ],
  ],
  [
    1,
    5,
    [
      "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
      "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
      "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b",
    ],
  ],
  [
    6,
    7,
    [
      "0ebc5d3437fbe2db158b9f126a1d118e308181031d0a949f8dededebc558ef6a",
      "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    ],
  ],
];

/** Older size, newer size, proof. */
const PROOFS: [number, number, string[]][] = [
  [
    1,
    8,
    [
      "96a296d224f285c67bee93c30f8a309157f0daa35dc5b87e410b78630a09cfc7",
      "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
      "6b47aaf29ee3c2af9af889bc1fb9254dabd31177f16232dd6aab035ca39bf6e4",
    ],
  ],
  [
    6,
    8,
    [
      "0ebc5d3437fbe2db158b9f126a1d118e308181031d0a949f8dededebc558ef6a",
      "ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0",
      "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    ],
  ],
  [
    2,
    5,
    [
      "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
      "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b",
    ],
  ],
  [
    3,
    7,
    [
      "0298d122906dcfc10892cb53a73992fc5b9f493ea4c9badb27b791b4127a7fe7",
      "07506a85fd9dd2f120eb694f86011e5bb4662e5c415a62917033d4a9624487e7",
      "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
      "837dbb152e9b079010717e84e865da4ebc0fa198a806d59d31bf15accef22d0e",
    ],
  ],
  [
    4,
    8,
    [
      "6b47aaf29ee3c2af9af889bc1fb9254dabd31177f16232dd6aab035ca39bf6e4",
    ],
  ],
  [7, 7, []],
];

const bytes = (hex: string) => Uint8Array.from(hex.match(/../g) ?? [], (byte) => parseInt(byte, 16));
const tree = (size: number) => ({ size, root: bytes(ROOTS[size] ?? "") });
/** The same with one bit changed. */
const changed = (hash: Uint8Array) => hash.map((byte, n) => (n === 7 ? byte ^ 4 : byte));

test("a path leads from the leaf to the root, and from nothing else", async () => {
  for (const [place, size, path] of PATHS) {
    const leaf = await leafHash(bytes(LEAVES[place] ?? ""));
    const other = await leafHash(bytes("ff"));
    const hashes = path.map(bytes);
    const { root } = tree(size);
    expect(await isIncluded(leaf, place, size, root, hashes)).toBe(true);
    expect(await isIncluded(other, place, size, root, hashes)).toBe(false);
    expect(await isIncluded(leaf, place, size, changed(root), hashes)).toBe(false);
    expect(await isIncluded(leaf, size, size, root, hashes)).toBe(false);
    expect(await isIncluded(leaf, place, size, root, [...hashes, leaf])).toBe(false);
    for (const n of hashes.keys()) {
      const one = hashes.map((hash, m) => (m === n ? changed(hash) : hash));
      expect(await isIncluded(leaf, place, size, root, one)).toBe(false);
      expect(await isIncluded(leaf, place, size, root, hashes.slice(0, n))).toBe(false);
    }
  }
});

test("an event at another place than it says is not there", async () => {
  const [, size, path] = PATHS[2] ?? [0, 0, []];
  const leaf = await leafHash(bytes(LEAVES[5] ?? ""));
  for (const place of [0, 1, 2, 3, 4, 6, 7]) {
    expect(await isIncluded(leaf, place, size, tree(size).root, path.map(bytes))).toBe(false);
  }
});

test("a tree continues those that it grew from, and no other", async () => {
  for (const [from, to, proof] of PROOFS) {
    const hashes = proof.map(bytes);
    const [older, newer] = [tree(from), tree(to)];
    expect(await continues(older, newer, hashes)).toBe(true);
    expect(await continues({ ...older, root: changed(older.root) }, newer, hashes)).toBe(false);
    expect(await continues(older, { ...newer, root: changed(newer.root) }, hashes)).toBe(false);
    expect(await continues(older, newer, [...hashes, older.root])).toBe(false);
    if (from !== to) {
      expect(await continues(newer, older, hashes)).toBe(false);
    }
    for (const n of hashes.keys()) {
      const one = hashes.map((hash, m) => (m === n ? changed(hash) : hash));
      expect(await continues(older, newer, one)).toBe(false);
      expect(await continues(older, newer, hashes.slice(0, n))).toBe(false);
    }
  }
});

test("every tree continues the empty one", async () => {
  expect(await continues(tree(0), tree(5), [])).toBe(true);
  expect(await continues({ size: 0, root: tree(1).root }, tree(5), [])).toBe(false);
});

test("canonical JSON has its names in their order and writes what RFC 8785 writes", () => {
  const written = new TextDecoder().decode(canonical({ b: 1, a: "ü\n\u0001/\"", aa: 2 ** 53 - 1 }));
  expect(written).toBe('{"a":"ü\\n\\u0001/\\"","aa":9007199254740991,"b":1}');
});

test("base64 is read as what it stands for", () => {
  expect([...fromBase64("AP/+")]).toEqual([0, 255, 254]);
  expect(() => fromBase64("*")).toThrow();
});
