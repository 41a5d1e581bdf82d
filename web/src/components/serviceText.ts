/** Protocol and ports in words. */
export function serviceText({ protocol, ports }: { protocol: string; ports: string[] }): string {
  return ports.length === 0 ? protocol : `${protocol} ${ports.join(", ")}`;
}
