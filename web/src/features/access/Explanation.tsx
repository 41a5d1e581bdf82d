import { Accordion, Alert, Anchor, Badge, Button, Group, List, Stack, Table, Text, Title } from "@mantine/core";
import { IconCircleCheck, IconCircleX } from "@tabler/icons-react";
import type { ReactNode } from "react";
import { Link } from "react-router";

import type { Schemas } from "../../api/index.ts";
import { actorName } from "../../components/actorName.ts";
import { useNames } from "../../components/entityNames.ts";
import { Status } from "../../components/Status.tsx";
import { Time } from "../../components/Time.tsx";
import { to } from "../../paths.ts";
import { accessText } from "../../text/access.ts";
import { t } from "../../text/common.ts";
import { eventText } from "../../text/events.ts";
import { previewText } from "../../text/preview.ts";

const words = accessText;
type Explained = Schemas["ExplainedDevice"];

/** Allowed or denied, in words that can be read from afar. */
export function Verdict({ device, big = false }: { device: Explained; big?: boolean }) {
  const { allowed, device_name, username } = device;
  const Icon = allowed ? IconCircleCheck : IconCircleX;
  const color = allowed ? "var(--mantine-color-green-light-color)" : "var(--mantine-color-error)";
  const name = previewText.of(device_name ?? t.erased, username ?? t.erased);
  const said = allowed ? words.allowed : words.denied;
  return (
    <Group gap="sm" wrap="nowrap" mb={big ? "sm" : 0}>
      <Icon size={big ? 40 : 24} color={color} aria-hidden style={{ flexShrink: 0 }} />
      <div>
        {big ? (
          <Title order={2} c={color}>
            {said}
          </Title>
        ) : (
          <Text fw={700} c={color}>
            {said}
          </Text>
        )}
        <Text size="sm" c="dimmed">
          {name}
        </Text>
      </div>
    </Group>
  );
}

/** By what, since when, made so by whom, enforced how; and the rules. */
export function Explanation({ device, before }: { device: Explained; before: (idx: number) => void }) {
  return (
    <Stack gap="md">
      <div>
        <Fact>
          <Why device={device} />
        </Fact>
        <MadeSo device={device} before={before} />
        <Enforced enforcement={device.enforcement} gateway={device.gateway_id} />
      </div>
      <Rules device={device} />
      <NotAsked list={device.not_asked} />
    </Stack>
  );
}

function Fact({ label, children }: { label?: string; children: ReactNode }) {
  return (
    <Text size="sm" component="div" mb={6}>
      {label !== undefined && <b>{label}:</b>} {children}
    </Text>
  );
}

export function PolicyLink({ policy }: { policy: Pick<Schemas["PolicySummary"], "id" | "name"> }) {
  return (
    <Anchor component={Link} to={to.policy(policy.id)} inherit>
      {policy.name}
    </Anchor>
  );
}

function EntryLink({ idx }: { idx: number }) {
  return (
    <Anchor component={Link} to={to.auditEntry(idx)} inherit>
      {words.entry(idx)}
    </Anchor>
  );
}

function Why({ device: { allowed, decided_by, policy, device_status } }: { device: Explained }) {
  const verdict = allowed ? words.allowed : words.denied;
  if (policy) {
    return words.byPolicy(verdict, <PolicyLink policy={policy} />, t.effects[policy.effect], policy.priority);
  }
  return decided_by === "no_peer"
    ? words.byNoPeer(verdict, <Status of={device_status} />)
    : words.because(verdict, words.reason[decided_by] ?? decided_by);
}

function MadeSo({ device, before }: { device: Explained; before: (idx: number) => void }) {
  const { made_so_by: cause, searched_from, enforcement } = device;
  const { decided_since: since, decided_until: until } = enforcement;
  return (
    <>
      <Fact label={words.madeSo}>
        {cause ? (
          <>
            <Cause cause={cause} />{" "}
            <Button size="compact-xs" variant="default" onClick={() => before(cause.idx)}>
              {words.justBefore}
            </Button>
          </>
        ) : (
          words.notFound(searched_from)
        )}
      </Fact>
      {since && (
        <Fact label={words.decided}>
          {until
            ? words.decidedBetween(<Time at={since.time} />, <Time at={until.time} />, <EntryLink idx={until.idx} />)
            : words.decidedSince(<Time at={since.time} />)}
        </Fact>
      )}
    </>
  );
}

function Cause({ cause: { actor, event_type, idx, reason, time } }: { cause: NonNullable<Explained["made_so_by"]> }) {
  const said = [<Time at={time} />, actorName(actor), eventText(event_type), <EntryLink idx={idx} />] as const;
  return reason ? words.madeSoBecause(...said, reason) : words.madeSoBy(...said);
}

function Enforced({ enforcement, gateway }: { enforcement: Schemas["Enforcement"]; gateway: string }) {
  const name = useNames("gateway", [gateway]).get(gateway);
  const { status, enforced_from: from, enforced_until: until, published_at, in_force } = enforcement;
  const link = (
    <Anchor component={Link} to={to.gateway(gateway)} inherit>
      {name}
    </Anchor>
  );
  return (
    <>
      <Fact label={words.enforcement}>
        {words.enforced[status]?.(link) ?? link}{" "}
        {from && (until ? words.enforcedBetween(<Time at={from} />, <Time at={until} />) : words.enforcedFrom(<Time at={from} />))}{" "}
        {published_at && words.published(<Time at={published_at} />)}
      </Fact>
      {in_force && (
        <Fact>
          <Text span inherit c="dimmed">
            {words.inForce(in_force.revision, <Time at={in_force.applied_at} />)}
          </Text>
        </Fact>
      )}
      {in_force?.agrees === false && in_force.allowed !== null && in_force.allowed !== undefined && (
        <Alert color="orange" mt="xs">
          {in_force.allowed ? words.inForceAllows : words.inForceDenies}
        </Alert>
      )}
    </>
  );
}

/** In the order in which they are asked; the first that matches decides. */
function Rules({ device }: { device: Explained }) {
  const { considered } = device;
  return (
    <div>
      <Text fw={600} mb={4}>
        {words.rules}
      </Text>
      {considered.length === 0 ? (
        <Text size="sm" c="dimmed">
          {words.noRules}
        </Text>
      ) : (
        <Table.ScrollContainer minWidth={0} type="native" tabIndex={0} role="region" aria-label={words.rules}>
          <Table fz="sm" verticalSpacing={6} aria-label={words.rules}>
            <Table.Thead>
              <Table.Tr>
                <Table.Th>{words.rule}</Table.Th>
                <Table.Th visibleFrom="sm">{words.effect}</Table.Th>
                <Table.Th>{words.outcome}</Table.Th>
              </Table.Tr>
            </Table.Thead>
            <Table.Tbody>
              {considered.map(({ rule, policy, allows, outcome }, n) => {
                const decides = outcome === "decides";
                return (
                  <Table.Tr key={n} fw={decides ? 700 : undefined} bg={decides ? "var(--mantine-color-default-hover)" : undefined}>
                    <Table.Td>
                      {policy ? (
                        <>
                          <PolicyLink policy={policy} />{" "}
                          <Text span inherit c="dimmed" fw={400}>
                            {words.priority(policy.priority)}
                          </Text>
                        </>
                      ) : (
                        (words.builtIn[rule] ?? rule)
                      )}
                      <Text size="xs" c="dimmed" fw={400} hiddenFrom="sm">
                        {t.effects[allows ? "allow" : "deny"]}
                      </Text>
                    </Table.Td>
                    <Table.Td visibleFrom="sm">
                      <Status of={allows ? "allow" : "deny"} />
                    </Table.Td>
                    <Table.Td c={decides ? undefined : "dimmed"}>{words.outcomes[outcome] ?? outcome}</Table.Td>
                  </Table.Tr>
                );
              })}
            </Table.Tbody>
          </Table>
        </Table.ScrollContainer>
      )}
    </div>
  );
}

function NotAsked({ list }: { list: Schemas["PolicyNotAskedList"] }) {
  if (list.total === 0) {
    return null;
  }
  return (
    <Accordion variant="contained">
      <Accordion.Item value="not-asked">
        <Accordion.Control>{words.notAsked(list.total)}</Accordion.Control>
        <Accordion.Panel>
          <List size="sm" listStyleType="none" spacing={4}>
            {list.items.map(({ policy, reason, lists_packet }) => (
              <List.Item key={policy.id}>
                <PolicyLink policy={policy} />{" "}
                <Text span inherit c="dimmed">
                  {words.notAskedWhy[reason] ?? reason}
                </Text>{" "}
                {lists_packet && (
                  <Badge variant="light" color="yellow" tt="none">
                    {words.lists}
                  </Badge>
                )}
              </List.Item>
            ))}
            {list.truncated && <List.Item>{t.andMore(list.total - list.items.length)}</List.Item>}
          </List>
        </Accordion.Panel>
      </Accordion.Item>
    </Accordion>
  );
}
