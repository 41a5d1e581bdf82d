/**
 * The arithmetic of transparency logs (RFC 6962 and 9162): whether an event is in a tree, and
 * whether one tree continues another. The browser does it itself, so that nobody has to take the
 * server's word.
 */

export type Bytes = Uint8Array<ArrayBuffer>;

/** How long a hash is. */
const HASH = 32;

async function sha256(...parts: readonly Uint8Array[]): Promise<Bytes> {
  const joined = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    joined.set(part, at);
    at += part.length;
  }
  return new Uint8Array(await crypto.subtle.digest("SHA-256", joined));
}

/** The hash of what is at one place of the tree. */
export function leafHash(entry: Uint8Array): Promise<Bytes> {
  return sha256(Uint8Array.of(0), entry);
}

function nodeHash(left: Uint8Array, right: Uint8Array): Promise<Bytes> {
  return sha256(Uint8Array.of(1), left, right);
}

export function equal(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && a.every((byte, n) => byte === b[n]);
}

/**
 * Whether the leaf with this hash is at this place (from 0) of the tree of this size and root
 * (RFC 9162, section 2.1.3.2). Numbers are `bigint`s: bit operations on others end at 32 bits.
 */
export async function isIncluded(
  leaf: Uint8Array,
  place: number,
  size: number,
  root: Uint8Array,
  path: readonly Uint8Array[],
): Promise<boolean> {
  if (place < 0 || place >= size || path.some((hash) => hash.length !== HASH)) {
    return false;
  }
  let fn = BigInt(place);
  let sn = BigInt(size) - 1n;
  let at = leaf;
  for (const hash of path) {
    if (sn === 0n) {
      return false;
    }
    if ((fn & 1n) === 1n || fn === sn) {
      at = await nodeHash(hash, at);
      while ((fn & 1n) === 0n && fn !== 0n) {
        fn >>= 1n;
        sn >>= 1n;
      }
    } else {
      at = await nodeHash(at, hash);
    }
    fn >>= 1n;
    sn >>= 1n;
  }
  return sn === 0n && equal(at, root);
}

export interface Tree {
  readonly size: number;
  readonly root: Bytes;
}

/** Whether the newer tree begins with all of the older one (RFC 9162, section 2.1.4.2). */
export async function continues(older: Tree, newer: Tree, proof: readonly Uint8Array[]): Promise<boolean> {
  if (older.size > newer.size || proof.some((hash) => hash.length !== HASH)) {
    return false;
  }
  if (older.size === newer.size) {
    return proof.length === 0 && equal(older.root, newer.root);
  }
  if (older.size === 0) {
    // Every tree begins with the empty one, whose root is the hash of nothing.
    return proof.length === 0 && equal(older.root, await sha256());
  }
  const powerOfTwo = (BigInt(older.size) & (BigInt(older.size) - 1n)) === 0n;
  const [first, ...rest] = powerOfTwo ? [older.root, ...proof] : proof;
  if (first === undefined) {
    return false;
  }
  let fn = BigInt(older.size) - 1n;
  let sn = BigInt(newer.size) - 1n;
  while ((fn & 1n) === 1n) {
    fn >>= 1n;
    sn >>= 1n;
  }
  let before: Uint8Array = first;
  let after: Uint8Array = first;
  for (const hash of rest) {
    if (sn === 0n) {
      return false;
    }
    if ((fn & 1n) === 1n || fn === sn) {
      before = await nodeHash(hash, before);
      after = await nodeHash(hash, after);
      while ((fn & 1n) === 0n && fn !== 0n) {
        fn >>= 1n;
        sn >>= 1n;
      }
    } else {
      after = await nodeHash(after, hash);
    }
    fn >>= 1n;
    sn >>= 1n;
  }
  return sn === 0n && equal(before, older.root) && equal(after, newer.root);
}

/** What base64 stands for; throws where it stands for nothing. */
export function fromBase64(text: string): Bytes {
  return Uint8Array.from(atob(text), (character) => character.charCodeAt(0));
}

/**
 * The canonical JSON (RFC 8785) of an object of texts and whole numbers, which is what leaves are:
 * names in their order, and otherwise what `JSON.stringify` writes.
 */
export function canonical(flat: Readonly<Record<string, string | number>>): Bytes {
  const sorted = Object.entries(flat).sort(([a], [b]) => (a < b ? -1 : 1));
  return new TextEncoder().encode(JSON.stringify(Object.fromEntries(sorted)));
}
