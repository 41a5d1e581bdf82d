/**
 * Checkpoints: how large the log is and what its root is, signed (C2SP tlog-checkpoint in a
 * signed note with Ed25519).
 */

import { type Bytes, equal, fromBase64, type Tree } from "./merkle.ts";

/** The identifier of Ed25519 in signed notes. */
const ED25519 = 1;

export interface Checkpoint extends Tree {
  /** Which log. */
  readonly origin: string;
}

interface Note {
  readonly text: string;
  readonly signatures: readonly { readonly name: string; readonly bytes: Bytes }[];
}

/** Bytes that may be no base64 at all. */
function decoded(text: string): Bytes | undefined {
  try {
    return fromBase64(text);
  } catch {
    return undefined;
  }
}

/** The parts of a note; nothing where it is none. */
export function readNote(note: string): Note | undefined {
  const end = note.lastIndexOf("\n\n");
  if (end < 0 || !note.endsWith("\n")) {
    return undefined;
  }
  const signatures = [];
  for (const line of note.slice(end + 2).split("\n")) {
    const [dash, name, signature, ...more] = line.split(" ");
    const bytes = signature === undefined ? undefined : decoded(signature);
    if (dash === "—" && name !== undefined && bytes !== undefined && more.length === 0) {
      signatures.push({ name, bytes });
    }
  }
  return { text: note.slice(0, end + 1), signatures };
}

/** What a checkpoint says, whoever signed it; nothing where it is none. */
export function readCheckpoint(note: string): Checkpoint | undefined {
  const [origin, size, root] = readNote(note)?.text.split("\n") ?? [];
  const bytes = decoded(root ?? "");
  if (origin === undefined || origin === "" || bytes?.length !== 32 || !/^(0|[1-9]\d{0,15})$/.test(size ?? "")) {
    return undefined;
  }
  return { origin, size: Number(size), root: bytes };
}

interface Verifier {
  readonly name: string;
  /** The first bytes of a hash of name and key, which signatures begin with. */
  readonly hash: Bytes;
  readonly key: Bytes;
}

/** A log's public key: `<name>+<hash>+<key>`; nothing where it is none, or one of another kind. */
export async function readVerifier(text: string): Promise<Verifier | undefined> {
  const [name, hash, ...rest] = text.trim().split("+");
  // The key is base64, in which a plus sign is a character like others.
  const key = decoded(rest.join("+"));
  if (name === undefined || hash === undefined || key?.length !== 33 || key[0] !== ED25519) {
    return undefined;
  }
  const named = new TextEncoder().encode(`${name}\n`);
  const digest = await crypto.subtle.digest("SHA-256", Uint8Array.from([...named, ...key]));
  const first = new Uint8Array(digest).slice(0, 4);
  const hex = Array.from(first, (byte) => byte.toString(16).padStart(2, "0")).join("");
  return hex === hash ? { name, hash: first, key: key.slice(1) } : undefined;
}

/** `unsupported`: the browser knows no Ed25519. */
export type Signed = "good" | "bad" | "unsupported";

/** Whether this key has signed the note. */
export async function isSigned(note: string, verifier: string): Promise<Signed> {
  const read = readNote(note);
  const by = await readVerifier(verifier);
  if (read === undefined || by === undefined) {
    return "bad";
  }
  let key: CryptoKey;
  try {
    key = await crypto.subtle.importKey("raw", by.key, { name: "Ed25519" }, false, ["verify"]);
  } catch (error) {
    const unknown = error instanceof DOMException && error.name === "NotSupportedError";
    return unknown ? "unsupported" : "bad";
  }
  const text = new TextEncoder().encode(read.text);
  for (const { name, bytes } of read.signatures) {
    const own = name === by.name && equal(bytes.slice(0, 4), by.hash);
    if (own && (await crypto.subtle.verify({ name: "Ed25519" }, key, bytes.slice(4), text))) {
      return "good";
    }
  }
  return "bad";
}
