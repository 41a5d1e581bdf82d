/** Where every page is. All links are made here. */
export const to = {
  home: () => "/",
  users: (query: Record<string, string> = {}) => withQuery("/users", query),
  user: (id: string, tab?: string) => withTab(`/users/${id}`, tab),
  groups: () => "/groups",
  group: (id: string, tab?: string) => withTab(`/groups/${id}`, tab),
  devices: (query: Record<string, string> = {}) => withQuery("/devices", query),
  device: (id: string, tab?: string) => withTab(`/devices/${id}`, tab),
  policies: () => "/policies",
  newPolicy: () => "/policies/new",
  policy: (id: string, tab?: string) => withTab(`/policies/${id}`, tab),
  gateways: () => "/gateways",
  gateway: (id: string, tab?: string) => withTab(`/gateways/${id}`, tab),
  access: (query: Record<string, string> = {}) => withQuery("/access", query),
  audit: (query: Record<string, string> = {}) => withQuery("/audit", query),
  auditEntry: (idx: number) => withQuery("/audit", { id: String(idx) }),
  /** With the number of an event: the proof that it is in the log. */
  verify: (idx?: number) => withQuery("/audit/verify", idx === undefined ? {} : { event: String(idx) }),
  webhooks: () => "/webhooks",
  me: () => "/me",
  security: () => "/me/security",
  activity: () => "/me/activity",
};

function withTab(path: string, tab: string | undefined): string {
  return tab === undefined ? path : `${path}?tab=${tab}`;
}

function withQuery(path: string, query: Record<string, string>): string {
  const text = new URLSearchParams(query).toString();
  return text === "" ? path : `${path}?${text}`;
}

/** The page of an entity as the audit log names it; none where it has no page of its own. */
export function ofEntity(type: string, id: string): string | undefined {
  switch (type) {
    case "user":
      return to.user(id);
    case "group":
      return to.group(id);
    case "device":
      return to.device(id);
    case "policy":
      return to.policy(id);
    case "gateway":
      return to.gateway(id);
    case "webhook":
      return to.webhooks();
    default:
      return undefined;
  }
}
