import { useHotkeys } from "@mantine/hooks";
import { spotlight } from "@mantine/spotlight";
import { Suspense, useState } from "react";

import { onDemand } from "../components/onDemand.tsx";
import { useSession } from "./session.ts";

const PaletteDialog = onDemand(() => import("./PaletteDialog.tsx").then(({ PaletteDialog }) => PaletteDialog));

let open: () => void = () => undefined;

export function openPalette(): void {
  open();
}

/** Ctrl+K. It is loaded when it is first asked for, and from then on listens to the keyboard itself. */
export function Palette() {
  const administers = useSession().user?.role !== "user";
  const [wanted, setWanted] = useState(false);
  open = wanted ? spotlight.open : () => setWanted(true);
  useHotkeys(administers && !wanted ? [["mod + K", open]] : []);
  return administers && wanted ? (
    <Suspense fallback={null}>
      <PaletteDialog />
    </Suspense>
  ) : null;
}
