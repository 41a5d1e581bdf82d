import { PasswordInput, TextInput } from "@mantine/core";
import { useForm } from "@mantine/form";

import { signIn } from "../../app/session.ts";
import { Form } from "../../components/Form.tsx";
import { useSubmit } from "../../components/useSubmit.ts";
import { sessionText } from "../../text/session.ts";

/** Asks for name and password; of one who was signed in before, only for the password. */
export function SignInForm({ username }: { username?: string | undefined }) {
  const form = useForm({ mode: "uncontrolled", initialValues: { username: username ?? "", password: "" } });
  const { problem, busy, run } = useSubmit();

  const submit = form.onSubmit(({ username, password }) =>
    run(async () => {
      await signIn(username, password);
    }),
  );

  return (
    <Form onSubmit={submit} problem={problem} busy={busy} verb={sessionText.submit}>
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
    </Form>
  );
}
