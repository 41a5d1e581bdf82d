import { useDisclosure, useHotkeys } from "@mantine/hooks";

import { dialogOnDemand, isOpened } from "../components/onDemand.tsx";
import { openDialogs } from "./openDialogs.ts";

const PaletteDialog = dialogOnDemand(
  () => import("./PaletteDialog.tsx").then(({ PaletteDialog }) => PaletteDialog),
  isOpened,
);

let open: () => void = () => undefined;

export function openPalette(): void {
  open();
}

/** Ctrl+K, wherever one is typing; not over a dialog, which would be lost with the page below it. */
export function Palette() {
  const [shown, show] = useDisclosure(false);
  open = show.open;
  useHotkeys([["mod + K", () => (shown || openDialogs().length > 0 ? show.close() : show.open())]], [], true);
  return <PaletteDialog opened={shown} onClose={show.close} />;
}
