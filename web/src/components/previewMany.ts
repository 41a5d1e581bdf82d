/** What a change of many would do, of which the API says what it does to each. */

import { ApiError, type Schemas } from "../api/client.ts";
import { previewText } from "../text/preview.ts";

type Preview = Schemas["Preview"];
type Change = Schemas["PreviewChange"];
type Warning = Schemas["PreviewWarning"];
type Gateway = Preview["gateways"]["items"][number];

/** Whom it would not be done to, and why. */
export interface Refusal {
  readonly id: string;
  readonly message: string;
}

/** With those of which it would be refused: that stops none of the others. */
export type PreviewOfMany = Preview & { readonly refused?: readonly Refusal[] };

/** A page of a list. Each is a request, and all of them are made before somebody has read the question. */
const MOST = 50;
const AT_ONCE = 4;
/** So many sorts of devices are shown, those of the most devices first. */
const SORTS = 20;

/** Of this one it would be refused: it is gone, or is not as it would have to be. */
const OF_ONE: readonly number[] = [404, 409, 422];

/** The gravest first, as the API has them. */
const GRAVEST: readonly string[] = ["own_account_closed", "own_connection_at_risk", "own_access_lost", "everything_lost"];

/**
 * What it would do to all of them. Only for changes that do not touch each other's devices, as of
 * users and of devices themselves: what two policies open together, neither closes alone.
 */
export async function previewMany(
  ids: readonly string[],
  previewOf: (id: string) => Promise<Preview>,
): Promise<PreviewOfMany> {
  if (ids.length > MOST) {
    throw new Error(previewText.tooMany(MOST));
  }
  const found = new Map<string, Preview>();
  const refused = new Map<string, string>();
  const left = ids.values();
  const some = async () => {
    for (const id of left) {
      try {
        found.set(id, await previewOf(id));
      } catch (error) {
        if (!(error instanceof ApiError && OF_ONE.includes(error.status))) {
          throw error;
        }
        refused.set(id, error.message);
      }
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, some));
  // The answers come as they like; what is shown stays in order.
  return {
    ...together(ids.flatMap((id) => found.get(id) ?? [])),
    refused: ids.flatMap((id) => {
      const message = refused.get(id);
      return message === undefined ? [] : { id, message };
    }),
  };
}

/** Several previews in one. */
export function together(previews: readonly Preview[]): Preview {
  const sum = (of: (devices: Preview["devices"]) => number) => previews.reduce((n, { devices }) => n + of(devices), 0);
  const sorts = sortsOf(previews.flatMap(({ changes }) => changes.items));
  return {
    idx: Math.min(...previews.map(({ idx }) => idx)),
    events: previews.flatMap(({ events }) => events),
    devices: {
      total: sum(({ total }) => total),
      gaining: sum(({ gaining }) => gaining),
      losing: sum(({ losing }) => losing),
      losing_everything: sum(({ losing_everything: n }) => n),
      profile_revisions: sum(({ profile_revisions: n }) => n),
    },
    changes: {
      items: sorts.slice(0, SORTS),
      truncated: sorts.length > SORTS || previews.some(({ changes }) => changes.truncated),
    },
    gateways: gatewaysOf(previews),
    warnings: warningsOf(previews.flatMap(({ warnings }) => warnings)),
  };
}

interface Some<T> {
  items: T[];
  total: number;
  truncated: boolean;
}

function joined<T>(one: Some<T>, other: Some<T>): Some<T> {
  return {
    items: [...one.items, ...other.items],
    total: one.total + other.total,
    truncated: one.truncated || other.truncated,
  };
}

/** Devices that gain and lose the same are told of once. */
function sortsOf(changes: readonly Change[]): Change[] {
  const sorts = new Map<string, Change>();
  for (const change of changes) {
    const key = JSON.stringify([change.gained, change.lost]);
    const known = sorts.get(key);
    sorts.set(key, known === undefined ? change : { ...known, devices: joined(known.devices, change.devices) });
  }
  return [...sorts.values()].sort((a, b) => b.devices.total - a.devices.total);
}

function gatewaysOf(previews: readonly Preview[]): Preview["gateways"] {
  const gateways = new Map<string, Gateway>();
  for (const gateway of previews.flatMap(({ gateways }) => gateways.items)) {
    const devices = (gateways.get(gateway.gateway_id)?.devices ?? 0) + gateway.devices;
    gateways.set(gateway.gateway_id, { ...gateway, devices });
  }
  const items = [...gateways.values()].sort((a, b) => a.name.localeCompare(b.name));
  return {
    items,
    total: Math.max(items.length, ...previews.map(({ gateways }) => gateways.total)),
    truncated: previews.some(({ gateways }) => gateways.truncated),
  };
}

function warningsOf(all: readonly Warning[]): Warning[] {
  const warnings = new Map<string, Warning>();
  for (const warning of all) {
    const known = warnings.get(warning.code);
    warnings.set(
      warning.code,
      known === undefined ? warning : { ...known, devices: joined(known.devices, warning.devices) },
    );
  }
  const place = ({ code }: Warning) => (GRAVEST.includes(code) ? GRAVEST.indexOf(code) : GRAVEST.length);
  return [...warnings.values()].sort((a, b) => place(a) - place(b));
}
