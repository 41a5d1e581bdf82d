import { ModalsProvider } from "@mantine/modals";
import { useEffect } from "react";

import { drawing } from "../components/dialogs.ts";

/** Draws the dialogs that are opened by a call. */
export function Dialogs() {
  useEffect(drawing.begin, []);
  return <ModalsProvider />;
}
