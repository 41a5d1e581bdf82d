// @vitest-environment node

import { beforeAll, expect, test } from "vitest";

import type { Schemas } from "../../api/client.ts";
import { canonical, leafHash } from "./merkle.ts";
import { check, type Kept, pinHolds, type Source } from "./verify.ts";

type Hash = Uint8Array<ArrayBuffer>;
const ORIGIN = "vpn.example.com/log";

const base64 = (bytes: Uint8Array) => btoa(String.fromCharCode(...bytes));
const digest = async (...parts: Uint8Array[]) =>
  new Uint8Array(await crypto.subtle.digest("SHA-256", Uint8Array.from(parts.flatMap((part) => [...part]))));

/** The largest power of two below n. */
const split = (n: number) => 2 ** Math.floor(Math.log2(n - 1));

/** RFC 6962, section 2.1, word for word. */
async function root(leaves: Hash[]): Promise<Hash> {
  if (leaves.length <= 1) {
    return leaves[0] ?? digest();
  }
  const k = split(leaves.length);
  return digest(Uint8Array.of(1), await root(leaves.slice(0, k)), await root(leaves.slice(k)));
}

async function path(m: number, leaves: Hash[]): Promise<Hash[]> {
  if (leaves.length <= 1) {
    return [];
  }
  const k = split(leaves.length);
  return m < k
    ? [...(await path(m, leaves.slice(0, k))), await root(leaves.slice(k))]
    : [...(await path(m - k, leaves.slice(k))), await root(leaves.slice(0, k))];
}

async function proof(m: number, leaves: Hash[], whole = true): Promise<Hash[]> {
  const n = leaves.length;
  if (m === n) {
    return whole ? [] : [await root(leaves)];
  }
  const k = split(n);
  return m <= k
    ? [...(await proof(m, leaves.slice(0, k), whole)), await root(leaves.slice(k))]
    : [...(await proof(m - k, leaves.slice(k), false)), await root(leaves.slice(0, k))];
}

function leaf(n: number, type = "user.created"): Schemas["Leaf"] {
  return {
    aggregate_type: "user",
    aggregate_id: `0198c2a4-0000-7000-8000-${String(n).padStart(12, "0")}`,
    sequence: 1,
    event_type: type,
    event_version: "1.0",
    recorded_at: "2026-03-15T15:32:34.123456Z",
    payload_sha256: "00".repeat(32),
    metadata_sha256: "ff".repeat(32),
  };
}

interface Key {
  readonly verifier: string;
  readonly sign: (text: string) => Promise<string>;
}

async function key(): Promise<Key> {
  const pair = (await crypto.subtle.generateKey("Ed25519", true, ["sign", "verify"])) as CryptoKeyPair;
  const raw = new Uint8Array(await crypto.subtle.exportKey("raw", pair.publicKey));
  const named = Uint8Array.from([...new TextEncoder().encode(`${ORIGIN}\n`), 1, ...raw]);
  const hash = (await digest(named)).slice(0, 4);
  const hex = Array.from(hash, (byte) => byte.toString(16).padStart(2, "0")).join("");
  return {
    verifier: `${ORIGIN}+${hex}+${base64(Uint8Array.of(1, ...raw))}`,
    sign: async (text) => {
      const signature = await crypto.subtle.sign("Ed25519", pair.privateKey, new TextEncoder().encode(text));
      return `${text}\n— ${ORIGIN} ${base64(Uint8Array.of(...hash, ...new Uint8Array(signature)))}\n`;
    },
  };
}

/** A server with these events. */
async function server(events: Schemas["Leaf"][], { verifier, sign }: Key): Promise<Source & { note: string }> {
  const leaves = await Promise.all(events.map((event) => leafHash(canonical({ ...event }))));
  const tree = async (size: number) => ({ size, root: base64(await root(leaves.slice(0, size))) });
  const now = await tree(events.length);
  const note = await sign(`${ORIGIN}\n${now.size}\n${now.root}\n`);
  return {
    note,
    log: async () => ({ origin: ORIGIN, verifier, tree: now, behind: 0 }),
    checkpoint: async () => note,
    inclusion: async (idx, size) => ({
      idx,
      leaf: events[idx - 1] ?? leaf(0),
      leaf_hash: base64(leaves[idx - 1] ?? Uint8Array.of()),
      tree: await tree(size),
      hashes: (await path(idx - 1, leaves.slice(0, size))).map(base64),
    }),
    consistency: async (from, to) => ({
      from: await tree(from),
      to: await tree(to),
      hashes: (await proof(from, leaves.slice(0, to))).map(base64),
    }),
  };
}

const events = (n: number) => Array.from({ length: n }, (_, i) => leaf(i + 1));
let own: Key;
let kept: Kept;

beforeAll(async () => {
  own = await key();
  const { note } = await server(events(5), own);
  kept = { note, verifier: own.verifier, at: "2026-03-15T15:32:34Z" };
});

test("a log that grew is found to be right", async () => {
  for (const size of [5, 6, 8, 13]) {
    const checked = await check(await server(events(size), own), kept);
    expect(checked).toMatchObject({ signed: "good", newest: true, good: true, since: { size: 5, verdict: "continues" } });
    expect(checked.checkpoint.size).toBe(size);
  }
});

test("without anything kept there is nothing to compare with", async () => {
  const checked = await check(await server(events(6), own), undefined);
  expect(checked.since).toBeUndefined();
  expect(checked.good).toBe(true);
});

test("an event that was changed is found, also where everything was signed anew", async () => {
  for (const size of [5, 9]) {
    const edited = events(size).with(2, leaf(3, "user.deleted"));
    const checked = await check(await server(edited, own), kept);
    expect(checked).toMatchObject({ signed: "good", newest: true, good: false });
    expect(checked.since?.verdict).toBe("other_history");
  }
});

test("a log that lost events is found", async () => {
  const checked = await check(await server(events(4), own), kept);
  expect(checked.good).toBe(false);
  expect(checked.since?.verdict).toBe("shorter");
});

test("another key is found, and a signature of another key", async () => {
  const other = await key();
  const checked = await check(await server(events(6), other), kept);
  expect(checked.good).toBe(false);
  expect(checked.since?.verdict).toBe("other_key");
  const forged = await server(events(6), { verifier: own.verifier, sign: other.sign });
  expect(await check(forged, kept)).toMatchObject({ signed: "bad", good: false });
});

test("a newest event that is not in the tree is found", async () => {
  const source = await server(events(6), own);
  const lying = { ...source, inclusion: async (idx: number, size: number) => ({ ...(await source.inclusion(idx, size)), leaf: leaf(7) }) };
  expect(await check(lying, kept)).toMatchObject({ newest: false, good: false });
});

test("a pin holds while the log continues it, whatever the server says of it", async () => {
  const now = await check(await server(events(9), own), undefined);
  const { hashes } = await (await server(events(9), own)).consistency(5, 9);
  const tree = { size: 5, root: "" };
  const pin = { tree, note: kept.note, pinned_by: leaf(1).aggregate_id, pinned_at: kept.at, consistent: true, hashes };
  expect(await pinHolds(pin, now.checkpoint, own.verifier)).toBe(true);
  expect(await pinHolds({ ...pin, hashes: hashes.slice(1) }, now.checkpoint, own.verifier)).toBe(false);
  expect(await pinHolds({ ...pin, hashes: null }, now.checkpoint, own.verifier)).toBe(false);
  const replaced = await check(await server(events(9).with(0, leaf(8)), own), undefined);
  expect(await pinHolds(pin, replaced.checkpoint, own.verifier)).toBe(false);
});
