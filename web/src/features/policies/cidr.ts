/**
 * Networks in CIDR notation, as the server takes them: `domain/src/values/network.rs`. What is
 * refused here is refused there; here it is refused while one types, with what was probably meant.
 */

/** A network, or why the text is none. */
export type Checked =
  | { readonly ok: true; readonly network: string; readonly family: 4 | 6; readonly prefix: number }
  | {
      readonly ok: false;
      readonly because: Flaw;
      /** What may have been meant, the likeliest first. */
      readonly meant: readonly string[];
    };

/** What is wrong. The words for it are in `text/policies.ts`. */
export type Flaw = "form" | "prefix" | "netmask" | "hostBits" | "mapped";

interface Address {
  readonly family: 4 | 6;
  readonly bits: bigint;
}

const WIDTH = { 4: 32, 6: 128 } as const;

/** Reads `address/prefix`; a bare address is a host. */
export function parseNetwork(input: string): Checked {
  const text = input.trim();
  const [left = "", right, ...more] = text.split("/");
  const address = parseAddress(left);
  if (address === undefined || more.length > 0) {
    return flaw("form");
  }
  const { family, bits } = address;
  const width = WIDTH[family];
  if (right !== undefined && family === 4 && right.includes(".")) {
    const prefix = prefixOfMask(right);
    return flaw("netmask", prefix === undefined ? [] : [format(masked(address, prefix), prefix)]);
  }
  if (right !== undefined && !/^\d{1,3}$/.test(right)) {
    return flaw("prefix");
  }
  const prefix = right === undefined ? width : Number(right);
  if (prefix > width) {
    return flaw("prefix");
  }
  if (family === 6 && prefix >= 96 && bits >> 32n === 0xffffn) {
    const inner: Address = { family: 4, bits: bits & 0xffff_ffffn };
    return flaw("mapped", [format(masked(inner, prefix - 96), prefix - 96)]);
  }
  const network = masked(address, prefix);
  if (network.bits !== bits) {
    return flaw("hostBits", [format(network, prefix), format(address, width)]);
  }
  return { ok: true, network: format(network, prefix), family, prefix };
}

function flaw(because: Flaw, meant: readonly string[] = []): Checked {
  return { ok: false, because, meant };
}

/** The parts of a pasted text that stand for networks: by line, comma, semicolon or space. */
export function splitNetworks(text: string): string[] {
  const lines = text.split(/\r?\n/).map((line) => line.replace(/#.*$/, ""));
  return lines.flatMap((line) => line.split(/[\s,;]+/)).filter((part) => part !== "");
}

/** How many addresses it has; none where it is no network. */
export function sizeOf(network: string): bigint {
  const checked = parseNetwork(network);
  return checked.ok ? 1n << BigInt(WIDTH[checked.family] - checked.prefix) : 0n;
}

/** Whether every address of `inner` is in `outer`. */
export function covers(outer: string, inner: string): boolean {
  const [a, b] = [parseNetwork(outer), parseNetwork(inner)];
  if (!a.ok || !b.ok || a.family !== b.family || a.prefix > b.prefix) {
    return false;
  }
  const address = parseAddress(b.network.split("/")[0] ?? "");
  return address !== undefined && format(masked(address, a.prefix), a.prefix) === a.network;
}

function masked({ family, bits }: Address, prefix: number): Address {
  const low = BigInt(WIDTH[family] - prefix);
  return { family, bits: (bits >> low) << low };
}

function prefixOfMask(text: string): number | undefined {
  const mask = parseV4(text);
  if (mask === undefined) {
    return undefined;
  }
  const ones = mask.toString(2).padStart(32, "0");
  return /^1*0*$/.test(ones) ? ones.replaceAll("0", "").length : undefined;
}

function parseAddress(text: string): Address | undefined {
  const family = text.includes(":") ? 6 : 4;
  const bits = family === 6 ? parseV6(text) : parseV4(text);
  return bits === undefined ? undefined : { family, bits };
}

/** Four numbers without leading zeros, which some systems read as octal. */
function parseV4(text: string): bigint | undefined {
  const parts = text.split(".");
  const good = (part: string) => /^(0|[1-9]\d{0,2})$/.test(part) && Number(part) <= 255;
  if (parts.length !== 4 || !parts.every(good)) {
    return undefined;
  }
  return parts.reduce((sum, part) => (sum << 8n) | BigInt(part), 0n);
}

/** RFC 4291, section 2.2: groups, one `::`, and IPv4 at the end. */
function parseV6(text: string): bigint | undefined {
  const halves = text.split("::");
  if (halves.length > 2) {
    return undefined;
  }
  const head = groups(halves[0] ?? "", halves.length === 1);
  const tail = halves.length === 1 ? [] : groups(halves[1] ?? "", true);
  if (head === undefined || tail === undefined) {
    return undefined;
  }
  const missing = 8 - head.length - tail.length;
  if (halves.length === 1 ? missing !== 0 : missing < 1) {
    return undefined;
  }
  const all = [...head, ...Array.from({ length: missing }, () => 0), ...tail];
  return all.reduce((sum, group) => (sum << 16n) | BigInt(group), 0n);
}

/** The groups of one side of `::`; IPv4 may stand where the address ends. */
function groups(text: string, last: boolean): number[] | undefined {
  if (text === "") {
    return [];
  }
  const parts = text.split(":");
  const list: number[] = [];
  for (const [n, part] of parts.entries()) {
    if (part.includes(".") && last && n === parts.length - 1) {
      const v4 = parseV4(part);
      if (v4 === undefined) {
        return undefined;
      }
      list.push(Number(v4 >> 16n), Number(v4 & 0xffffn));
    } else if (/^[0-9a-fA-F]{1,4}$/.test(part)) {
      list.push(Number.parseInt(part, 16));
    } else {
      return undefined;
    }
  }
  return list;
}

function format({ family, bits }: Address, prefix: number): string {
  return `${family === 4 ? formatV4(bits) : formatV6(bits)}/${prefix}`;
}

function formatV4(bits: bigint): string {
  return [24n, 16n, 8n, 0n].map((shift) => (bits >> shift) & 0xffn).join(".");
}

/** RFC 5952: lower case, and the first of the longest runs of two or more zeros left out. */
function formatV6(bits: bigint): string {
  const list = Array.from({ length: 8 }, (_, n) => Number((bits >> BigInt(112 - 16 * n)) & 0xffffn));
  let start = -1;
  let length = 1;
  for (let from = 0; from < 8; from += 1) {
    let run = 0;
    while (list[from + run] === 0) {
      run += 1;
    }
    if (run > length) {
      [start, length] = [from, run];
    }
  }
  const hex = list.map((group) => group.toString(16));
  return start < 0
    ? hex.join(":")
    : `${hex.slice(0, start).join(":")}::${hex.slice(start + length).join(":")}`;
}
