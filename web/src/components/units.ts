/** Numbers with their units, as people read them. */

const PREFIXES = ["", "k", "M", "G", "T", "P"];

function scaled(n: number, unit: string): string {
  let value = Math.abs(n);
  let step = 0;
  while (value >= 999.5 && step < PREFIXES.length - 1) {
    value /= 1000;
    step += 1;
  }
  const digits = step === 0 || value >= 99.5 ? 0 : 1;
  return `${n < 0 ? "-" : ""}${value.toFixed(digits)} ${PREFIXES[step]}${unit}`;
}

/** An amount of data: thousands, not 1,024s, as networks and disks are sold. */
export function bytes(n: number): string {
  return scaled(n, "B");
}

/** Bytes of each second, in bits as networks are measured. */
export function bitsPerSecond(n: number): string {
  return scaled(n * 8, "bit/s");
}

/** A share of one. */
export function percent(share: number): string {
  return `${(share * 100).toFixed(share > 0 && share < 0.1 ? 1 : 0)} %`;
}
