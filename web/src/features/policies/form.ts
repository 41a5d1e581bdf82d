/** The form of a policy, and what the API takes of it. */

import { fromLocalInput, toLocalInput } from "../../components/localTime.ts";
import type { Schemas } from "../../api/client.ts";
import { hasPorts, protocolNumber } from "../../components/protocols.ts";
import { policiesText } from "../../text/policies.ts";
import { parseNetwork, splitNetworks } from "./cidr.ts";
import { keyOf, type Target } from "./target.ts";

export type Policy = Schemas["Policy"];

export interface ServiceRow {
  protocol: string;
  /** As one types them: `443, 8000-8100`. */
  ports: string;
}

export interface PolicyForm extends Record<string, unknown> {
  name: string;
  description: string;
  effect: "allow" | "deny";
  /** A text while nothing, or nothing sensible, is typed. */
  priority: number | string;
  enabled: boolean;
  full_tunnel: boolean;
  destinations: string[];
  /** What is being typed as a destination. Networks in it count; the rest has to be put right. */
  draft: string;
  targets: { everyone: boolean; users: string[]; groups: string[]; devices: string[] };
  services: ServiceRow[];
  /** Local times, as the browser's input has them. */
  valid_from: string;
  valid_until: string;
}

export const MAX_PRIORITY = 1_000_000;

export const newPolicy: PolicyForm = {
  name: "",
  description: "",
  effect: "allow",
  priority: 100,
  enabled: true,
  full_tunnel: false,
  destinations: [],
  draft: "",
  targets: { everyone: false, users: [], groups: [], devices: [] },
  services: [],
  valid_from: "",
  valid_until: "",
};

/** A policy as the form shows it. */
export function toForm(policy: Schemas["PolicyFields"]): PolicyForm {
  const of = (type: Target["type"]) =>
    policy.targets.flatMap((target) => (target.type === type && "id" in target ? [target.id] : []));
  return {
    name: policy.name,
    description: policy.description,
    effect: policy.effect,
    priority: policy.priority,
    enabled: policy.enabled,
    full_tunnel: policy.full_tunnel,
    destinations: [...policy.destinations],
    draft: "",
    targets: {
      everyone: policy.targets.some(({ type }) => type === "everyone"),
      users: of("user"),
      groups: of("group"),
      devices: of("device"),
    },
    services: (policy.services ?? []).map(({ protocol, ports }) => ({
      protocol,
      ports: (ports ?? []).join(", "),
    })),
    valid_from: toLocalInput(policy.valid_from),
    valid_until: toLocalInput(policy.valid_until),
  };
}

/** The policy that the form describes. */
export function toFields(form: PolicyForm): Schemas["PolicyCreate"] {
  return {
    name: form.name.trim(),
    description: form.description.trim(),
    effect: form.effect,
    priority: Number(form.priority),
    enabled: form.enabled,
    full_tunnel: form.full_tunnel,
    destinations: [...new Set([...form.destinations, ...drafted(form)])],
    targets: targetsOf(form),
    services: form.services.map(toService),
    valid_from: fromLocalInput(form.valid_from),
    valid_until: fromLocalInput(form.valid_until),
  };
}

/** What the form changes about the policy, and nothing else. */
export function toPatch(form: PolicyForm, before: Schemas["PolicyFields"]): Schemas["PolicyPatch"] {
  const was = toForm(before);
  const all = toFields(form);
  // Compared as the form has them: neither the order of targets nor a fraction of a second that
  // no input shows is a change.
  const same: Record<string, boolean> = {
    targets: sameSet(targetsOf(form).map(keyOf), before.targets.map(keyOf)),
    valid_from: form.valid_from === was.valid_from,
    valid_until: form.valid_until === was.valid_until,
  };
  const old: Record<string, unknown> = toFields(was);
  return Object.fromEntries(
    Object.entries(all).filter(
      ([name, value]) => !(same[name] ?? JSON.stringify(value) === JSON.stringify(old[name])),
    ),
  );
}

/** The networks in what is being typed. */
function drafted({ draft }: PolicyForm): string[] {
  return splitNetworks(draft).flatMap((text) => {
    const checked = parseNetwork(text);
    return checked.ok ? [checked.network] : [];
  });
}

export function targetsOf({ targets }: PolicyForm): Target[] {
  return [
    ...(targets.everyone ? [{ type: "everyone" } as const] : []),
    ...targets.groups.map((id) => ({ type: "group", id }) as const),
    ...targets.users.map((id) => ({ type: "user", id }) as const),
    ...targets.devices.map((id) => ({ type: "device", id }) as const),
  ];
}

function sameSet(a: readonly string[], b: readonly string[]): boolean {
  const set = new Set(a);
  return set.size === new Set(b).size && b.every((one) => set.has(one));
}

function toService({ protocol, ports }: ServiceRow): Schemas["Service"] {
  return { protocol: protocol.trim().toLowerCase(), ports: splitPorts(ports) };
}

/** The single ports and ranges of what was typed. */
export function splitPorts(text: string): string[] {
  return text
    .replace(/\s*[-–]\s*/g, "-")
    .split(/[\s,;]+/)
    .filter((part) => part !== "");
}

/** Whether ports can be given; also while the protocol is not typed yet. */
export function mayHavePorts(protocol: string): boolean {
  return protocolNumber(protocol) === undefined || hasPorts(protocol);
}

function portsFlaw(text: string): string | undefined {
  for (const part of splitPorts(text)) {
    const [first = "", last = first, ...more] = part.split("-");
    const good = (port: string) => /^\d{1,5}$/.test(port) && Number(port) <= 65_535;
    if (!good(first) || !good(last) || more.length > 0) {
      return policiesText.invalid.ports(part);
    }
    if (Number(first) > Number(last)) {
      return policiesText.invalid.portsOrder(part);
    }
  }
  return undefined;
}

/** What is wrong, by field, as far as the form can know. */
export function flawsOf(form: PolicyForm): Record<string, string> {
  const { invalid } = policiesText;
  const flaws: Record<string, string | undefined> = {
    name: [...form.name.trim()].length > 64 ? invalid.nameLong : undefined,
    description: [...form.description].length > 1000 ? invalid.descriptionLong : undefined,
    draft: splitNetworks(form.draft).every((text) => parseNetwork(text).ok) ? undefined : policiesText.form.typing,
  };
  if (form.name.trim() === "") {
    flaws["name"] = invalid.name;
  }
  const priority = form.priority === "" ? Number.NaN : Number(form.priority);
  if (!Number.isInteger(priority) || priority < 0 || priority > MAX_PRIORITY) {
    flaws["priority"] = invalid.priority;
  }
  if (form.effect === "deny" && form.full_tunnel) {
    flaws["full_tunnel"] = policiesText.form.fullDeny;
  }
  for (const [n, { protocol, ports }] of form.services.entries()) {
    if (protocolNumber(protocol) === undefined) {
      flaws[`services.${n}.protocol`] = invalid.protocol;
    }
    flaws[`services.${n}.ports`] =
      !mayHavePorts(protocol) && ports.trim() !== ""
        ? invalid.portless(protocol.trim())
        : portsFlaw(ports);
  }
  const [from, until] = [fromLocalInput(form.valid_from), fromLocalInput(form.valid_until)];
  if (from !== null && until !== null && from >= until) {
    flaws["valid_until"] = invalid.until;
  }
  const found = Object.entries(flaws).filter((flaw): flaw is [string, string] => flaw[1] !== undefined);
  return Object.fromEntries(found);
}

/** The fields as people know them. What is being typed is no field of the policy. */
export const LABELS: Readonly<Record<Exclude<keyof PolicyForm & string, "draft">, string>> = policiesText.fields;

/**
 * Mine with what others have changed meanwhile, where I have not changed it too; and the fields that
 * both have changed to something different.
 */
export function merge(
  base: PolicyForm,
  mine: PolicyForm,
  theirs: PolicyForm,
): { merged: PolicyForm; contested: string[] } {
  const same = (a: unknown, b: unknown) => JSON.stringify(a) === JSON.stringify(b);
  const merged: Record<string, unknown> = { ...mine };
  const contested: string[] = [];
  for (const field of Object.keys(LABELS)) {
    if (same(base[field], theirs[field]) || same(mine[field], theirs[field])) {
      continue;
    }
    if (same(base[field], mine[field])) {
      merged[field] = theirs[field];
    } else {
      contested.push(field);
    }
  }
  return { merged: merged as PolicyForm, contested };
}
