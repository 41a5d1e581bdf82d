import { Button, PasswordInput } from "@mantine/core";
import { useState } from "react";

import { usersText } from "../../text/users.ts";
import { generatePassword } from "./password.ts";

/** A password for somebody else: typed, or generated and then visible. */
export function PasswordField({ onGenerate, ...input }: {
  value?: string;
  onChange?: (event: unknown) => void;
  error?: React.ReactNode;
  onGenerate: (password: string) => void;
}) {
  const [visible, setVisible] = useState(false);
  return (
    <PasswordInput
      {...input}
      // Mantine says it of every other input.
      aria-invalid={input.error ? true : undefined}
      label={usersText.password}
      description={usersText.passwordHint}
      autoComplete="new-password"
      required
      visible={visible}
      onVisibilityChange={setVisible}
      inputContainer={(field) => (
        <div style={{ display: "flex", gap: 8, alignItems: "flex-end" }}>
          <div style={{ flex: 1, minWidth: 0 }}>{field}</div>
          <Button
            variant="default"
            onClick={() => {
              onGenerate(generatePassword());
              setVisible(true);
            }}
          >
            {usersText.generate}
          </Button>
        </div>
      )}
    />
  );
}
