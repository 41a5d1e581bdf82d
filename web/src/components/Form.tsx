import { Alert, Button, Group, Stack } from "@mantine/core";
import type { ComponentProps, FormEvent, ReactNode } from "react";

import { t } from "../text/common.ts";
import { type Reason, ReasonField } from "./ReasonField.tsx";

/** The frame of a form: its fields, what went wrong, and what ends it. */
export function Form({
  onSubmit,
  problem,
  busy,
  verb,
  danger = false,
  disabled = false,
  onCancel,
  calm = false,
  reason,
  children,
  ...rest
}: {
  onSubmit: (event: FormEvent<HTMLFormElement>) => void;
  /** What went wrong and is not said beside a field. */
  problem: string | undefined;
  /** Whether it is under way. */
  busy: boolean;
  /** What the button says. */
  verb: string;
  danger?: boolean;
  disabled?: boolean;
  /** None where there is nothing to go back to. */
  onCancel?: () => void;
  /** Whether Cancel has the focus at first: where nothing is to be typed. */
  calm?: boolean;
  /** Why it is done; not asked about what is one's own. */
  reason?: Reason | undefined;
  children: ReactNode;
} & Pick<ComponentProps<"form">, "noValidate" | "autoComplete">) {
  return (
    <form
      {...rest}
      onSubmit={(event) => {
        event.preventDefault();
        onSubmit(event);
      }}
    >
      <Stack>
        {children}
        {reason !== undefined && <ReasonField {...reason} />}
        {problem !== undefined && (
          <Alert color="red" role="alert">
            {problem}
          </Alert>
        )}
        <Group justify="flex-end" grow={onCancel === undefined}>
          {onCancel !== undefined && (
            <Button variant="default" onClick={onCancel} data-autofocus={calm || undefined}>
              {t.cancel}
            </Button>
          )}
          <Button type="submit" {...(danger ? { color: "red.8" } : {})} loading={busy} disabled={disabled}>
            {verb}
          </Button>
        </Group>
      </Stack>
    </form>
  );
}
