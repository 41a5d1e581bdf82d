import { ActionIcon, Autocomplete, Button, Fieldset, Group, Input, Menu, Stack, Text, TextInput } from "@mantine/core";
import type { UseFormReturnType } from "@mantine/form";
import { IconChevronDown, IconPlus, IconX } from "@tabler/icons-react";
import type { ReactNode } from "react";

import { policiesText } from "../../text/policies.ts";
import { mayHavePorts, type PolicyForm, type ServiceRow } from "./form.ts";

const words = policiesText.form;
const PROTOCOLS = ["tcp", "udp", "icmp", "icmpv6", "sctp"];

/** What people want most often, by the names that they know. */
const USUAL: readonly (readonly [string, readonly ServiceRow[]])[] = [
  ["HTTPS", [{ protocol: "tcp", ports: "443" }]],
  ["HTTP", [{ protocol: "tcp", ports: "80" }]],
  ["SSH", [{ protocol: "tcp", ports: "22" }]],
  ["RDP", [{ protocol: "tcp", ports: "3389" }, { protocol: "udp", ports: "3389" }]],
  ["DNS", [{ protocol: "udp", ports: "53" }, { protocol: "tcp", ports: "53" }]],
  ["SMB", [{ protocol: "tcp", ports: "445" }]],
  ["PostgreSQL", [{ protocol: "tcp", ports: "5432" }]],
  ["MySQL", [{ protocol: "tcp", ports: "3306" }]],
  ["Ping", [{ protocol: "icmp", ports: "" }, { protocol: "icmpv6", ports: "" }]],
];

/** Protocols and their ports. */
export function ServicesField({
  form,
  errorOf,
}: {
  form: UseFormReturnType<PolicyForm>;
  errorOf: (field: string) => ReactNode;
}) {
  const { services } = form.values;
  const add = (rows: readonly ServiceRow[]) => {
    const has = ({ protocol, ports }: ServiceRow) =>
      services.some((one) => one.protocol === protocol && one.ports === ports);
    form.setFieldValue("services", [...services, ...rows.filter((row) => !has(row))]);
  };
  return (
    <Fieldset legend={words.services} p="sm">
      <Stack gap="xs">
        <Text size="sm" c="dimmed">
          {words.servicesHint}
        </Text>
        {services.map((service, n) => {
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
        })}
        {errorOf("services") && <Input.Error>{errorOf("services")}</Input.Error>}
        <Group gap="xs">
          <Button
            size="xs"
            variant="default"
            leftSection={<IconPlus size={14} aria-hidden />}
            onClick={() => form.insertListItem("services", { protocol: "tcp", ports: "" })}
          >
            {words.addService}
          </Button>
          <Menu>
            <Menu.Target>
              <Button size="xs" variant="default" rightSection={<IconChevronDown size={14} aria-hidden />}>
                {words.usual}
              </Button>
            </Menu.Target>
            <Menu.Dropdown>
              {USUAL.map(([name, rows]) => (
                <Menu.Item key={name} onClick={() => add(rows)}>
                  {name}
                </Menu.Item>
              ))}
            </Menu.Dropdown>
          </Menu>
        </Group>
      </Stack>
    </Fieldset>
  );
}
