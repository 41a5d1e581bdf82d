import type { Difference } from "./difference.ts";
import { dialogOnDemand } from "./onDemand.tsx";

export interface Versions {
  /** Nothing is shown without. */
  found: readonly Difference[] | undefined;
  onMine: () => void;
  onTheirs: () => void;
  onClose: () => void;
  busy: boolean;
}

/** Asks which version is to hold where somebody else was faster. */
export const Conflict = dialogOnDemand(
  () => import("./ConflictDialog.tsx").then((file) => file.ConflictDialog),
  ({ found }: Versions) => found !== undefined,
);
