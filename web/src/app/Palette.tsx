import { useDisclosure, useHotkeys } from "@mantine/hooks";

import { dialogOnDemand, isOpened } from "../components/onDemand.tsx";

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
  const [shown, show] = useDisclosure(false);
  open = show.open;
  useHotkeys([["mod + K", show.toggle]], [], true);
  return <PaletteDialog opened={shown} onClose={show.close} />;
}
