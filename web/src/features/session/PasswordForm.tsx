import { PasswordInput } from "@mantine/core";
import { useForm } from "@mantine/form";

import { client } from "../../api/index.ts";
import { Form } from "../../components/Form.tsx";
import { takeErrors } from "../../components/problem.ts";
import { useSubmit } from "../../components/useSubmit.ts";
import { sessionText } from "../../text/session.ts";

/** Changes one's own password. */
export function PasswordForm({ onDone }: { onDone: () => void }) {
  const form = useForm({
    initialValues: { current_password: "", password: "", again: "" },
    validate: {
      again: (again, all) => (again === all.password ? null : sessionText.different),
    },
  });
  const { problem, busy, run } = useSubmit((error) => takeErrors(form, error));

  const submit = form.onSubmit(({ current_password, password }) =>
    run(async () => {
      await client.POST("/me/password", { body: { current_password, password } });
      form.reset();
      onDone();
    }),
  );

  const field = (name: "current_password" | "password" | "again") => ({
    ...form.getInputProps(name),
    // Mantine says it of every other input.
    "aria-invalid": form.errors[name] ? true : undefined,
  });

  return (
    <Form onSubmit={submit} problem={problem} busy={busy} verb={sessionText.change}>
      <PasswordInput
        label={sessionText.current}
        autoComplete="current-password"
        required
        {...field("current_password")}
      />
      <PasswordInput
        label={sessionText.next}
        description={sessionText.nextHint}
        autoComplete="new-password"
        required
        {...field("password")}
      />
      <PasswordInput
        label={sessionText.again}
        autoComplete="new-password"
        required
        {...field("again")}
      />
    </Form>
  );
}
