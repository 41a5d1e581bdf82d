import { Box, Button, CloseButton, Group, Input, ScrollArea, Stack, Text, TextInput } from "@mantine/core";
import { type ReactNode, useId } from "react";

import { LOCALE } from "../../text/locale.ts";
import { policiesText } from "../../text/policies.ts";
import { covers, parseNetwork, sizeOf, splitNetworks } from "./cidr.ts";

const words = policiesText.form;
/** So many corrections are offered at once. */
const FEW = 5;

function sizeText(network: string): string {
  const size = sizeOf(network);
  return words.addresses(size > 1_000_000_000n ? `2^${size.toString(2).length - 1}` : size.toLocaleString(LOCALE));
}

/** The networks of a policy: typed or pasted, checked at once, and corrected with a click. */
export function DestinationsField({
  value,
  onChange,
  draft,
  onDraft,
  error,
  draftError,
}: {
  value: readonly string[];
  onChange: (networks: string[]) => void;
  draft: string;
  onDraft: (text: string) => void;
  error?: ReactNode;
  draftError?: ReactNode;
}) {
  const typed = splitNetworks(draft).map((text) => ({ text, checked: parseNetwork(text) }));
  const good = typed.flatMap(({ checked }) => (checked.ok ? [checked.network] : []));
  const bad = typed.filter(({ checked }) => !checked.ok);

  /** What is right goes into the list, what is not stays to be corrected. */
  const take = (networks: readonly string[], left: string) => {
    onChange([...new Set([...value, ...networks])]);
    onDraft(left);
  };
  const add = () => take(good, bad.map(({ text }) => text).join(", "));
  const correct = (text: string, network: string) =>
    take(
      [network],
      typed
        .map((one) => one.text)
        .filter((one) => one !== text)
        .join(", "),
    );

  return (
    <Stack gap="xs">
      <TextInput
        label={words.destinations}
        description={words.destinationsHint}
        placeholder="172.16.20.0/24"
        styles={{ input: { fontFamily: "var(--mantine-font-family-monospace)" } }}
        autoComplete="off"
        autoCapitalize="none"
        spellCheck={false}
        data-path="draft"
        value={draft}
        error={draftError}
        onChange={(event) => onDraft(event.currentTarget.value)}
        onKeyDown={(event) => {
          if (event.key === "Enter") {
            // Enter adds what is typed; it does not save the policy.
            event.preventDefault();
            add();
          }
        }}
        onPaste={(event) => {
          const pasted = event.clipboardData.getData("text");
          if (splitNetworks(pasted).length > 1) {
            event.preventDefault();
            onDraft(`${draft} ${splitNetworks(pasted).join(", ")}`.trim());
          }
        }}
        inputContainer={(input) => (
          <Group gap="xs" wrap="nowrap" align="flex-end">
            <Box style={{ flex: 1 }}>{input}</Box>
            <Button variant="default" onClick={add} disabled={good.length === 0}>
              {words.add}
            </Button>
          </Group>
        )}
      />
      <div role="status">
        <Draft typed={typed} good={good} present={value} onCorrect={correct} />
      </div>
      {error !== undefined && error !== null && <Input.Error>{error}</Input.Error>}
      <Networks value={value} onChange={onChange} />
    </Stack>
  );
}

/** What is being typed, in words: what Enter would add, what is wrong, what was probably meant. */
function Draft({
  typed,
  good,
  present,
  onCorrect,
}: {
  typed: readonly { text: string; checked: ReturnType<typeof parseNetwork> }[];
  good: readonly string[];
  present: readonly string[];
  onCorrect: (text: string, network: string) => void;
}) {
  const [first] = good;
  const bad = typed.filter(({ checked }) => !checked.ok);
  return (
    <Stack gap={4}>
      {first !== undefined && (
        <Text size="sm" c="dimmed">
          {good.length > 1
            ? words.addsMany(good.length)
            : present.includes(first)
              ? words.twice(first)
              : words.adds(first, sizeText(first))}
        </Text>
      )}
      {bad.length > 1 && <Text size="sm">{words.leftOver(bad.length)}</Text>}
      {bad.slice(0, FEW).map(({ text, checked }) =>
        checked.ok ? null : (
          <Group key={text} gap="xs">
            <Text size="sm" c="var(--mantine-color-error)">
              {policiesText.flaws[checked.because](text)}
            </Text>
            {checked.meant.map((network) => (
              <Button key={network} size="compact-sm" variant="light" onClick={() => onCorrect(text, network)}>
                {words.use(network)}
              </Button>
            ))}
          </Group>
        ),
      )}
    </Stack>
  );
}

function Networks({ value, onChange }: { value: readonly string[]; onChange: (networks: string[]) => void }) {
  const label = useId();
  if (value.length === 0) {
    return null;
  }
  const covered = redundant(value);
  return (
    <div>
      <Group justify="space-between" mb={4}>
        <Text size="sm" c="dimmed" id={label}>
          {words.destinationsCount(value.length)}
        </Text>
        {value.length > 3 && (
          <Button size="compact-xs" variant="subtle" onClick={() => onChange([])}>
            {words.removeAll}
          </Button>
        )}
      </Group>
      <ScrollArea.Autosize mah={260} type="auto" viewportProps={{ tabIndex: 0, "aria-labelledby": label, role: "region" }}>
        <Box component="ul" m={0} p={0} style={{ listStyle: "none" }}>
          {value.map((network) => (
            <Group component="li" key={network} gap="xs" wrap="nowrap" justify="space-between" pr="sm">
              <Group gap="xs">
                <Text span size="sm" ff="monospace">
                  {network}
                </Text>
                <Text span size="xs" c="dimmed">
                  {sizeText(network)}
                  {covered.has(network) && ` · ${words.covered(network, covered.get(network) ?? "")}`}
                </Text>
              </Group>
              <CloseButton
                size="sm"
                aria-label={words.removeNetwork(network)}
                onClick={() => onChange(value.filter((one) => one !== network))}
              />
            </Group>
          ))}
        </Box>
      </ScrollArea.Autosize>
    </div>
  );
}

/** Those that lie within others, with those. With very many it is not worth the time. */
function redundant(networks: readonly string[]): Map<string, string> {
  const found = new Map<string, string>();
  if (networks.length > 100) {
    return found;
  }
  for (const inner of networks) {
    const outer = networks.find((one) => one !== inner && covers(one, inner));
    if (outer !== undefined) {
      found.set(inner, outer);
    }
  }
  return found;
}
