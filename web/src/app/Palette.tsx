import { useDisclosure, useHotkeys } from "@mantine/hooks";

import { dialogOnDemand, isOpened } from "../components/onDemand.tsx";
import { useSession } from "./session.ts";

const PaletteDialog = dialogOnDemand(
  () => import("./PaletteDialog.tsx").then(({ PaletteDialog }) => PaletteDialog),
  isOpened,
);

let open: () => void = () => undefined;

export function openPalette(): void {
  open();
}

/** Ctrl+K, wherever one is typing. */
export function Palette() {
  const administers = useSession().user?.role !== "user";
  const [shown, show] = useDisclosure(false);
  open = show.open;
  useHotkeys(administers ? [["mod + K", show.toggle]] : [], [], true);
  return administers ? <PaletteDialog opened={shown} onClose={show.close} /> : null;
}
