import { ActionIcon, Autocomplete, Group, TextInput } from "@mantine/core";
import type { UseFormReturnType } from "@mantine/form";
import { IconX } from "@tabler/icons-react";
import type { ReactNode } from "react";

import { PROTOCOLS } from "../../components/protocols.ts";
import { policiesText } from "../../text/policies.ts";
import { mayHavePorts, type PolicyForm } from "./form.ts";

const words = policiesText.form;

export interface ServiceFields {
  form: UseFormReturnType<PolicyForm>;
  errorOf: (field: string) => ReactNode;
}

/** A row for each service: its protocol and its ports. */
export function ServiceRows({ form, errorOf }: ServiceFields) {
  return form.values.services.map((service, n) => {
    const portless = !mayHavePorts(service.protocol);
    return (
      // Rows have no other identity than their place.
      <Group key={n} gap="xs" align="flex-start" wrap="nowrap" role="group" aria-label={words.service(n + 1)}>
        <Autocomplete
          aria-label={words.protocol}
          placeholder={words.protocol}
          data={PROTOCOLS}
          w={110}
          autoCapitalize="none"
          {...form.getInputProps(`services.${n}.protocol`)}
          error={errorOf(`services.${n}.protocol`)}
        />
        <TextInput
          aria-label={words.ports}
          placeholder={portless ? words.noPorts : words.portsHint}
          style={{ flex: 1 }}
          disabled={portless && service.ports === ""}
          {...form.getInputProps(`services.${n}.ports`)}
          error={errorOf(`services.${n}.ports`)}
        />
        <ActionIcon
          variant="subtle"
          color="gray"
          size={36}
          aria-label={words.removeService(n + 1)}
          onClick={() => form.removeListItem("services", n)}
        >
          <IconX size={16} />
        </ActionIcon>
      </Group>
    );
  });
}
