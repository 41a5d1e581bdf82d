/** What the browser checks about the log, and what it keeps to check the next time. */

import type { Schemas } from "../../api/client.ts";
import { canonical, continues, equal, fromBase64, isIncluded, leafHash, type Tree } from "./merkle.ts";
import { type Checkpoint, isSigned, readCheckpoint, type Signed } from "./note.ts";

/** Where proofs come from. */
export interface Source {
  log(): Promise<Schemas["TransparencyLog"]>;
  checkpoint(): Promise<string>;
  inclusion(idx: number, size: number): Promise<Schemas["Inclusion"]>;
  consistency(from: number, to: number): Promise<Schemas["Consistency"]>;
}

/** The last checkpoint that this browser found to be right. */
export interface Kept {
  readonly note: string;
  /** The key that had signed it. */
  readonly verifier: string;
  /** When it was kept. */
  readonly at: string;
}

export interface Checked {
  readonly note: string;
  readonly checkpoint: Checkpoint;
  readonly log: Schemas["TransparencyLog"];
  readonly signed: Signed;
  /** Whether the newest event is at the end of the tree. */
  readonly newest: boolean;
  /** How it stands to what was kept; nothing where nothing was. */
  readonly since: { readonly kept: Kept; readonly size: number; readonly verdict: Since } | undefined;
  /** Nothing speaks against it. */
  readonly good: boolean;
}

export type Since = "continues" | "other_key" | "shorter" | "other_history";

/** What the server says is no proof at all. */
export class NoProof extends Error {}

/** Whether an event is in the tree of a checkpoint, by its leaf as the log has it. */
export async function includes(tree: Tree, idx: number, proof: Schemas["Inclusion"]): Promise<boolean> {
  // The hash is worked out here: what the server says it is does not matter.
  const leaf = await leafHash(canonical(proof.leaf));
  return proof.idx === idx && isIncluded(leaf, idx - 1, tree.size, tree.root, proof.hashes.map(fromBase64));
}

async function sinceThen(source: Source, kept: Kept, verifier: string, now: Checkpoint): Promise<Since> {
  const before = readCheckpoint(kept.note);
  if (kept.verifier !== verifier || before?.origin !== now.origin) {
    return "other_key";
  }
  if (before.size > now.size) {
    return "shorter";
  }
  if (before.size === now.size) {
    return equal(before.root, now.root) ? "continues" : "other_history";
  }
  const { hashes } = await source.consistency(before.size, now.size);
  return (await continues(before, now, hashes.map(fromBase64))) ? "continues" : "other_history";
}

/** Checks the newest checkpoint, by itself and against the one that was kept. */
export async function check(source: Source, kept: Kept | undefined): Promise<Checked> {
  const log = await source.log();
  const note = await source.checkpoint();
  const checkpoint = readCheckpoint(note);
  if (checkpoint === undefined || checkpoint.origin !== log.origin) {
    throw new NoProof();
  }
  const { size } = checkpoint;
  const signed = await isSigned(note, log.verifier);
  const newest = size === 0 || (await includes(checkpoint, size, await source.inclusion(size, size)));
  const since =
    kept === undefined
      ? undefined
      : {
          kept,
          size: readCheckpoint(kept.note)?.size ?? 0,
          verdict: await sinceThen(source, kept, log.verifier, checkpoint),
        };
  const grown = since === undefined || since.verdict === "continues";
  return { note, checkpoint, log, signed, newest, since, good: signed !== "bad" && newest && grown };
}

/** Whether the log still continues a pinned checkpoint, by the note as it was pinned. */
export async function pinHolds(pin: Schemas["Pin"], now: Checkpoint, verifier: string): Promise<boolean> {
  const pinned = readCheckpoint(pin.note);
  if (pinned === undefined || pinned.origin !== now.origin || !pin.hashes) {
    return false;
  }
  const signed = await isSigned(pin.note, verifier);
  return signed !== "bad" && continues(pinned, now, pin.hashes.map(fromBase64));
}

const KEY = "nexavpn.kept-checkpoint";

/** What this browser has kept. Nothing in it is secret. */
export function readKept(): Kept | undefined {
  try {
    const kept = JSON.parse(localStorage.getItem(KEY) ?? "null") as Partial<Kept> | null;
    const { note, verifier, at } = kept ?? {};
    const whole = typeof note === "string" && typeof verifier === "string" && typeof at === "string";
    return whole && readCheckpoint(note) !== undefined ? { note, verifier, at } : undefined;
  } catch {
    // Somebody else has written there, or the browser keeps nothing.
    return undefined;
  }
}

/** Keeps it for the next time; what cannot be kept is not. */
export function keep(kept: Kept): void {
  try {
    localStorage.setItem(KEY, JSON.stringify(kept));
  } catch {
    // A browser that keeps nothing begins anew each time, and says so.
  }
}

export function forget(): void {
  try {
    localStorage.removeItem(KEY);
  } catch {
    // Nothing was kept.
  }
}
