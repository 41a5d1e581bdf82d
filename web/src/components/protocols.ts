/** IP protocols, by the names that the API takes or by their numbers. */

/** Those that are offered; any other is typed as its number. */
export const PROTOCOLS = ["tcp", "udp", "icmp", "icmpv6", "sctp"];

const NUMBERS = new Map([
  ["icmp", 1],
  ["tcp", 6],
  ["udp", 17],
  ["icmpv6", 58],
  ["ipv6-icmp", 58],
  ["sctp", 132],
]);
/** Those whose packets say a port where the gateway reads one; DCCP and UDP-Lite have no names here. */
const WITH_PORTS = [6, 17, 33, 132, 136];

/** Its number; nothing where there is no such protocol. */
export function protocolNumber(text: string): number | undefined {
  const name = text.trim().toLowerCase();
  const number = /^\d{1,3}$/.test(name) ? Number(name) : NUMBERS.get(name);
  return number !== undefined && number <= 255 ? number : undefined;
}

export function hasPorts(protocol: string): boolean {
  const number = protocolNumber(protocol);
  return number !== undefined && WITH_PORTS.includes(number);
}
