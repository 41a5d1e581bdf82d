import { Alert, Button, PasswordInput, Stack } from "@mantine/core";
import { useForm } from "@mantine/form";
import { useState } from "react";

import { client } from "../../api/index.ts";
import { takeErrors } from "../../components/problem.ts";
import { sessionText } from "../../text/session.ts";

/** Changes one's own password. */
export function PasswordForm({ onDone }: { onDone: () => void }) {
  const form = useForm({
    initialValues: { current_password: "", password: "", again: "" },
    validate: {
      again: (again, all) => (again === all.password ? null : sessionText.different),
    },
  });
  const [problem, setProblem] = useState<string>();
  const [busy, setBusy] = useState(false);

  const submit = form.onSubmit(async ({ current_password, password }) => {
    setBusy(true);
    setProblem(undefined);
    try {
      await client.POST("/me/password", { body: { current_password, password } });
      form.reset();
      onDone();
    } catch (error) {
      setProblem(takeErrors(form, error));
    } finally {
      setBusy(false);
    }
  });

  return (
    <form onSubmit={submit}>
      <Stack>
        {problem !== undefined && (
          <Alert color="red" role="alert">
            {problem}
          </Alert>
        )}
        <PasswordInput
          label={sessionText.current}
          autoComplete="current-password"
          required
          {...form.getInputProps("current_password")}
        />
        <PasswordInput
          label={sessionText.next}
          description={sessionText.nextHint}
          autoComplete="new-password"
          required
          {...form.getInputProps("password")}
        />
        <PasswordInput
          label={sessionText.again}
          autoComplete="new-password"
          required
          {...form.getInputProps("again")}
        />
        <Button type="submit" loading={busy}>
          {sessionText.change}
        </Button>
      </Stack>
    </form>
  );
}
