import { Anchor, Button, Code, Group, Stack, Table, Text } from "@mantine/core";
import { type ReactNode, useState } from "react";
import { Link, useSearchParams } from "react-router";

import { Loaded } from "../../components/Loaded.tsx";
import { NumberField } from "../../components/NumberField.tsx";
import { Time } from "../../components/Time.tsx";
import { to } from "../../paths.ts";
import { auditText } from "../../text/audit.ts";
import { verifyText } from "../../text/verify.ts";
import { Finding } from "./Findings.tsx";
import { type Proven, useInclusion } from "./useChecked.ts";
import type { Checked } from "./verify.ts";

const words = verifyText.event;

/** That one event is in the log; which one is in the URL. */
export function EventProof({ checked }: { checked: Checked | undefined }) {
  const [params, setParams] = useSearchParams();
  const asked = Number(params.get("event") ?? "");
  const idx = Number.isSafeInteger(asked) && asked > 0 ? asked : undefined;
  const [typed, setTyped] = useState<number | string>(idx ?? "");
  const query = useInclusion(idx, checked);
  return (
    <Stack gap="sm">
      <Text size="sm" c="dimmed">
        {words.text}
      </Text>
      <form
        onSubmit={(event) => {
          event.preventDefault();
          setParams(typeof typed === "number" ? { event: String(typed) } : {}, { preventScrollReset: true });
        }}
      >
        <Group align="flex-end" gap="sm">
          <NumberField
            label={words.label}
            w={180}
            value={typed}
            onChange={setTyped}
          />
          <Button type="submit" variant="default">
            {words.prove}
          </Button>
        </Group>
      </form>
      {idx !== undefined && checked !== undefined && (
        <Loaded query={query}>{(proven) => <Proof proven={proven} />}</Loaded>
      )}
    </Stack>
  );
}

function Proof({ proven: { proof, size, included } }: { proven: Proven }) {
  const { idx, leaf } = proof;
  const facts: [string, ReactNode][] = [
    [words.what, leaf.event_type],
    [words.of, `${auditText.kinds[leaf.aggregate_type] ?? leaf.aggregate_type} ${leaf.aggregate_id}`],
    [words.sequence, leaf.sequence],
    [words.recorded, <Time key="recorded" at={leaf.recorded_at} />],
    [words.payload, leaf.payload_sha256],
    [words.metadata, leaf.metadata_sha256],
    [words.leaf, proof.leaf_hash],
  ];
  return (
    <Stack gap="sm" role="status">
      <Finding found={included ? "good" : "bad"}>
        {included ? words.good(idx, size, proof.hashes.length) : words.bad(idx)}{" "}
        <Anchor component={Link} to={to.auditEntry(idx)} inherit>
          {words.show}
        </Anchor>
      </Finding>
      <Table variant="vertical" layout="fixed" fz="sm" verticalSpacing={4} withTableBorder>
        <Table.Tbody>
          {facts.map(([label, value]) => (
            <Table.Tr key={label}>
              <Table.Th w={130}>{label}</Table.Th>
              <Table.Td>
                <Code bg="transparent" p={0}>
                  {value}
                </Code>
              </Table.Td>
            </Table.Tr>
          ))}
        </Table.Tbody>
      </Table>
      <Text size="xs" c="dimmed">
        {words.sealed}
      </Text>
    </Stack>
  );
}
