/**
 * Everything that pages say, in one place, so that it can be translated: one file for each part of
 * the UI, each an object of words and of functions that put words around values.
 */

import { access } from "./access.ts";
import { audit } from "./audit.ts";
import { common } from "./common.ts";
import { devices } from "./devices.ts";
import { gateways } from "./gateways.ts";
import { groups } from "./groups.ts";
import { home } from "./home.ts";
import { me } from "./me.ts";
import { policies } from "./policies.ts";
import { preview } from "./preview.ts";
import { session } from "./session.ts";
import { sessions } from "./sessions.ts";
import { users } from "./users.ts";
import { webhooks } from "./webhooks.ts";

export const t = {
  ...common,
  access,
  audit,
  devices,
  gateways,
  groups,
  home,
  me,
  policies,
  preview,
  session,
  sessions,
  users,
  webhooks,
};
