import { TextInput } from "@mantine/core";

import { t } from "../text/common.ts";

export interface Reason {
  value: string;
  onChange: (text: string) => void;
  /** Whether it has the focus at first: where it is all that can be typed. */
  first?: boolean;
}

/** Asks why, for the audit log; nobody has to say it. */
export function ReasonField({ value, onChange, first = false }: Reason) {
  return (
    <TextInput
      label={t.reason}
      placeholder={t.optional}
      maxLength={500}
      value={value}
      onChange={(event) => onChange(event.currentTarget.value)}
      data-autofocus={first || undefined}
    />
  );
}
