import { useQuery } from "@tanstack/react-query";

import { client, type Schemas } from "../../api/index.ts";
import { readCheckpoint } from "./note.ts";
import { check, type Checked, includes, keep, NoProof, pinHolds, readKept, type Source } from "./verify.ts";

/** Browsers hash only on pages that came safely. */
export const CAN_CHECK = (globalThis.crypto as Crypto | undefined)?.subtle !== undefined;

async function body<T>(answer: Promise<{ data?: T | undefined }>): Promise<T> {
  const { data } = await answer;
  if (data === undefined) {
    throw new NoProof();
  }
  return data;
}

const source: Source = {
  log: () => body(client.GET("/admin/audit/log")),
  checkpoint: () => body(client.GET("/admin/audit/checkpoint", { parseAs: "text" })),
  inclusion: (idx, size) => body(client.GET("/admin/audit/inclusion", { params: { query: { idx, size } } })),
  consistency: (from, to) => body(client.GET("/admin/audit/consistency", { params: { query: { from, to } } })),
};

/** The newest checkpoint, checked; what is right is kept for the next time. */
export function useChecked() {
  return useQuery({
    queryKey: ["audit", "checked"],
    queryFn: async () => {
      const checked = await check(source, readKept());
      const at = new Date().toISOString();
      if (checked.good) {
        keep({ note: checked.note, verifier: checked.log.verifier, at });
      }
      return { ...checked, at };
    },
    enabled: CAN_CHECK,
    refetchOnWindowFocus: false,
  });
}

export interface Proven {
  readonly proof: Schemas["Inclusion"];
  readonly size: number;
  readonly included: boolean;
}

/** Whether an event is in the log: against the checkpoint, or one of now where the event is younger. */
export function useInclusion(idx: number | undefined, checked: Checked | undefined) {
  return useQuery({
    queryKey: ["audit", "inclusion", idx, checked?.note],
    queryFn: async (): Promise<Proven> => {
      const number = idx ?? 0;
      let tree = checked?.checkpoint;
      if (tree === undefined || number > tree.size) {
        tree = (await check(source, undefined)).checkpoint;
      }
      const proof = await source.inclusion(number, tree.size);
      return { proof, size: tree.size, included: await includes(tree, number, proof) };
    },
    enabled: CAN_CHECK && idx !== undefined && checked !== undefined,
    refetchOnWindowFocus: false,
    // A proof of an event does not change.
    staleTime: Number.POSITIVE_INFINITY,
  });
}

/** Those pins, each with what this browser found. */
export function usePins(verifier: string | undefined) {
  return useQuery({
    queryKey: ["audit", "pins", verifier],
    queryFn: async () => {
      const pins = await body(client.GET("/admin/audit/pins", { params: { query: { page_size: 200 } } }));
      const now = readCheckpoint(pins.checkpoint);
      const found = pins.items.map(async (pin) => ({
        pin,
        holds: now === undefined || verifier === undefined ? false : await pinHolds(pin, now, verifier),
      }));
      return { items: await Promise.all(found), more: Boolean(pins.next) };
    },
    enabled: CAN_CHECK && verifier !== undefined,
    refetchOnWindowFocus: false,
  });
}
