import { Alert } from "@mantine/core";

import { t } from "../text/common.ts";

/** Says that somebody else was faster, in a dialog that can still be gone through with. */
export function Overtaken({ by }: { by: boolean }) {
  return by ? (
    <Alert color="orange" role="alert">
      {t.conflict.overtaken}
    </Alert>
  ) : null;
}
