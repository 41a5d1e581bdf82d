import { t } from "../text/common.ts";

interface Service {
  readonly protocol: string;
  readonly ports?: readonly string[] | undefined;
}

/** Protocol and ports in words. */
export function serviceText({ protocol, ports = [] }: Service): string {
  return ports.length === 0 ? protocol : `${protocol} ${ports.join(", ")}`;
}

/** What is allowed or denied in words; a policy that names no service is about all of them. */
export function servicesText(services: readonly Service[] = []): string {
  return services.length === 0 ? t.allServices : services.map(serviceText).join("; ");
}
