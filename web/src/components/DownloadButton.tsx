import { Button, type ButtonProps, Loader } from "@mantine/core";
import { IconFileDownload } from "@tabler/icons-react";
import type { ComponentPropsWithRef } from "react";

import { t } from "../text/common.ts";
import { bytes } from "./units.ts";

/** Begins a download, and says how far it has come. */
export function DownloadButton({
  label,
  received,
  ...rest
}: ButtonProps &
  Omit<ComponentPropsWithRef<"button">, keyof ButtonProps> & {
    label: string;
    /** So many bytes have come; none while nothing is under way. */
    received: number | undefined;
  }) {
  const busy = received !== undefined;
  return (
    <Button
      {...rest}
      variant="default"
      leftSection={busy ? <Loader size={16} aria-hidden /> : <IconFileDownload size={16} aria-hidden />}
      disabled={busy}
      aria-busy={busy}
    >
      {!busy ? label : received === 0 ? t.awaited : t.received(bytes(received))}
    </Button>
  );
}
