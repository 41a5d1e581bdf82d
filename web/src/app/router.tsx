import type { ComponentType } from "react";
import { createBrowserRouter, type RouteObject } from "react-router";

import { Crashed } from "./Crashed.tsx";
import { NotFound } from "./NotFound.tsx";
import { Shell } from "./Shell.tsx";

/** A page of a chunk of its own, loaded when somebody goes there. */
function page(path: string, load: () => Promise<{ Page: ComponentType }>): RouteObject {
  return { path, lazy: async () => ({ Component: (await load()).Page }) };
}

/** To add a page: a file that exports `Page`, a line here, a path in `paths.ts`, a line in `navigation.ts`. */
const pages: RouteObject[] = [
  { index: true, lazy: async () => ({ Component: (await import("../features/home/Home.tsx")).Page }) },
  page("users", () => import("../features/users/UserList.tsx")),
  page("users/:id", () => import("../features/users/UserPage.tsx")),
  page("groups", () => import("../features/groups/GroupList.tsx")),
  page("groups/:id", () => import("../features/groups/GroupPage.tsx")),
  page("devices", () => import("../features/devices/DeviceList.tsx")),
  page("devices/:id", () => import("../features/devices/DevicePage.tsx")),
  page("policies", () => import("../features/policies/PolicyList.tsx")),
  page("policies/new", () => import("../features/policies/NewPolicy.tsx")),
  page("policies/:id", () => import("../features/policies/PolicyPage.tsx")),
  page("gateways", () => import("../features/gateways/GatewayList.tsx")),
  page("gateways/:id", () => import("../features/gateways/GatewayPage.tsx")),
  page("access", () => import("../features/access/AccessPage.tsx")),
  page("audit", () => import("../features/audit/AuditPage.tsx")),
  page("audit/verify", () => import("../features/audit/VerifyPage.tsx")),
  page("webhooks", () => import("../features/webhooks/WebhookList.tsx")),
  page("me", () => import("../features/me/MyDevices.tsx")),
  page("me/security", () => import("../features/me/Security.tsx")),
  page("me/activity", () => import("../features/me/Activity.tsx")),
  { path: "*", Component: NotFound },
];

export const router = createBrowserRouter([
  {
    path: "/",
    Component: Shell,
    ErrorBoundary: Crashed,
    HydrateFallback: () => null,
    children: [{ ErrorBoundary: Crashed, children: pages }],
  },
]);
