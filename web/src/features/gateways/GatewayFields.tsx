import { Accordion, SimpleGrid, Stack, Switch, TagsInput, TextInput, type TextInputProps } from "@mantine/core";
import type { UseFormReturnType } from "@mantine/form";

import { NumberField } from "../../components/NumberField.tsx";
import { gatewaysText } from "../../text/gateways.ts";
import type { GatewayForm } from "./gateway.ts";

const words = gatewaysText.form;

/** The settings that few change: their section opens by itself where one of them is wrong. */
const RARE = [
  "dns_search",
  "internal_networks",
  "listen_port",
  "mtu",
  "persistent_keepalive",
  "max_stale_s",
  "preshared_keys",
  "public_key",
] as const;

/** Fields that stand side by side stay in line whatever their hints take. */
const BELOW = { inputWrapperOrder: ["label", "input", "description", "error"] } satisfies Partial<TextInputProps>;

/** What can be set of a gateway. */
export function GatewayFields({
  form,
  pools,
  givesKey,
}: {
  form: UseFormReturnType<GatewayForm>;
  /** Whether the address pools can still be chosen. */
  pools: boolean;
  /** Whether the node's key can be given by hand. */
  givesKey: boolean;
}) {
  const wrong = RARE.some((field) => form.errors[field] !== undefined);
  return (
    <Stack>
      <SimpleGrid cols={{ base: 1, sm: 2 }}>
        <TextInput label={words.name} required maxLength={200} data-autofocus {...form.getInputProps("name")} />
        <TextInput
          label={words.endpoint}
          description={words.endpointHint}
          {...BELOW}
          required
          {...form.getInputProps("endpoint")}
        />
      </SimpleGrid>
      {pools && (
        <SimpleGrid cols={{ base: 1, sm: 2 }}>
          <TextInput
            label={words.pool4}
            description={words.pool4Hint}
            {...BELOW}
            required
            {...form.getInputProps("address_pool_v4")}
          />
          <TextInput
            label={words.pool6}
            description={words.pool6Hint}
            {...BELOW}
            {...form.getInputProps("address_pool_v6")}
          />
        </SimpleGrid>
      )}
      <SimpleGrid cols={{ base: 1, sm: 2 }}>
        <TagsInput
          label={words.dns}
          description={words.dnsHint}
          {...BELOW}
          acceptValueOnBlur
          clearable
          {...form.getInputProps("dns_servers")}
        />
        <TagsInput
          label={words.masquerade}
          description={words.masqueradeHint}
          {...BELOW}
          acceptValueOnBlur
          clearable
          {...form.getInputProps("masquerade_interfaces")}
        />
      </SimpleGrid>
      <Accordion variant="contained" {...(wrong ? { value: "more" } : {})}>
        <Accordion.Item value="more">
          <Accordion.Control>{words.more}</Accordion.Control>
          <Accordion.Panel>
            <Stack>
              <SimpleGrid cols={{ base: 1, sm: 2 }}>
                <TagsInput label={words.search} acceptValueOnBlur {...form.getInputProps("dns_search")} />
                <TagsInput
                  label={words.internal}
                  description={words.internalHint}
                  {...BELOW}
                  acceptValueOnBlur
                  {...form.getInputProps("internal_networks")}
                />
                <NumberField
                  label={words.port}
                  description={pools ? words.portHint : words.portHintEdit}
                  {...BELOW}
                  {...form.getInputProps("listen_port")}
                />
                <NumberField label={words.mtu} {...form.getInputProps("mtu")} />
                <NumberField
                  label={words.keepalive}
                  description={words.keepaliveHint}
                  {...BELOW}
                  {...form.getInputProps("persistent_keepalive")}
                />
                <NumberField
                  label={words.stale}
                  description={words.staleHint}
                  {...BELOW}
                  {...form.getInputProps("max_stale_s")}
                />
              </SimpleGrid>
              <Switch
                label={words.preshared}
                description={words.presharedHint}
                {...form.getInputProps("preshared_keys", { type: "checkbox" })}
              />
              {givesKey && (
                <TextInput
                  label={words.publicKey}
                  description={words.publicKeyHint}
                  styles={{ input: { fontFamily: "var(--mantine-font-family-monospace)" } }}
                  autoComplete="off"
                  spellCheck={false}
                  {...form.getInputProps("public_key")}
                />
              )}
            </Stack>
          </Accordion.Panel>
        </Accordion.Item>
      </Accordion>
    </Stack>
  );
}
