import { Button, Fieldset, Group, Input, Menu, Skeleton, Stack, Text } from "@mantine/core";
import { IconChevronDown, IconPlus } from "@tabler/icons-react";

import { panelOnDemand } from "../../components/onDemand.tsx";
import { policiesText } from "../../text/policies.ts";
import type { ServiceRow } from "./form.ts";
import type { ServiceFields } from "./ServiceRows.tsx";

const words = policiesText.form;

// A new policy has no row, and those of another lie below what one sees of it at first.
const ServiceRows = panelOnDemand(() => import("./ServiceRows.tsx").then((file) => file.ServiceRows), Shape);

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
export function ServicesField({ form, errorOf }: ServiceFields) {
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
        {services.length > 0 && <ServiceRows form={form} errorOf={errorOf} />}
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

/** The room that the rows take. */
function Shape({ form }: ServiceFields) {
  return form.values.services.map((_, n) => <Skeleton key={n} height={36} />);
}
