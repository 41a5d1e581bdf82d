import { Alert, Button, PasswordInput, Stack, TextInput } from "@mantine/core";
import { useForm } from "@mantine/form";
import { useState } from "react";

import { signIn } from "../../app/session.ts";
import { messageOf } from "../../components/problem.ts";
import { sessionText } from "../../text/session.ts";

/** Asks for name and password; of one who was signed in before, only for the password. */
export function SignInForm({ username }: { username?: string | undefined }) {
  const form = useForm({ mode: "uncontrolled", initialValues: { username: username ?? "", password: "" } });
  const [problem, setProblem] = useState<string>();
  const [busy, setBusy] = useState(false);

  const submit = form.onSubmit(async ({ username, password }) => {
    setBusy(true);
    setProblem(undefined);
    try {
      await signIn(username, password);
    } catch (error) {
      setProblem(messageOf(error));
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
        <TextInput
          label={sessionText.username}
          autoComplete="username"
          autoCapitalize="none"
          spellCheck={false}
          required
          readOnly={username !== undefined}
          data-autofocus={username === undefined || undefined}
          autoFocus={username === undefined}
          {...form.getInputProps("username")}
        />
        <PasswordInput
          label={sessionText.password}
          autoComplete="current-password"
          required
          data-autofocus={username !== undefined || undefined}
          autoFocus={username !== undefined}
          {...form.getInputProps("password")}
        />
        <Button type="submit" loading={busy}>
          {sessionText.submit}
        </Button>
      </Stack>
    </form>
  );
}
