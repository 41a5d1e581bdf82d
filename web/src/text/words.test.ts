/** That nothing of the API is shown to people by its code. */

import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";

import { createElement } from "react";
import { renderToStaticMarkup } from "react-dom/server";
import { expect, test } from "vitest";

import { COLORS } from "../components/Status.tsx";
import { eventTypes } from "../features/audit/events.ts";
import { t } from "./common.ts";
import { eventText } from "./events.ts";
import { fieldText, fieldValue } from "./fields.ts";
import { said } from "./said.ts";

const ROOT = join(import.meta.dirname, "../../..");
const read = (path: string) => readFileSync(join(ROOT, path), "utf8");
const matches = (text: string, pattern: RegExp) => [...text.matchAll(pattern)].map(([, one = ""]) => one);

/** What the server's own source says of events. */
const kinds = readdirSync(join(ROOT, "domain/src/told"));
const told = kinds.map((file) => read(`domain/src/told/${file}`)).join("\n");
const stored = kinds
  .filter((file) => file !== "mod.rs")
  .map((file) => read(`domain/src/${file.replace(".rs", "")}/events.rs`))
  .join("\n");

interface Schemas {
  readonly components: { readonly schemas: Readonly<Record<string, { readonly properties?: object }>> };
}
const { schemas } = (JSON.parse(read("api/openapi.json")) as Schemas).components;
const properties = (names: readonly string[]) => names.flatMap((name) => Object.keys(schemas[name]?.properties ?? {}));

test("every event of the server's is offered and has words", () => {
  const types = eventTypes(undefined);
  expect([...types].sort()).toEqual(matches(stored, /rename = "(\w+\.\w+)"/g).sort());
  expect(types.filter((type) => eventText(type) === type)).toEqual([]);
  expect(new Set(types.map(eventText)).size).toBe(types.length);
});

test("an event of a later version is shown by its type", () => {
  expect(eventText("planet.moved")).toBe("planet.moved");
});

test("every field that an event changes or a form sends has a label", () => {
  const changed = matches(told, /\.(?:set|turn)\(\s*"(\w+)"/g);
  const sent = properties(
    Object.keys(schemas).filter((name) => /^(User|Group|Device|Policy|Gateway|Webhook)(Create|Patch)$|^(NewDevice|Service|ChangePassword|PasswordReset|PinCreate|WebhookReplay|WebhookSecretRotation|KeyRotationStart|DrainStart)$/.test(name)),
  );
  expect(changed.length).toBeGreaterThan(50);
  expect(sent.length).toBeGreaterThan(50);
  // The fallback is the name itself with spaces.
  const bare = [...new Set([...changed, ...sent])].filter((name) => fieldText(name) === name.replaceAll("_", " "));
  expect(bare).toEqual([]);
});

test("a field of a list is called by its number, and one within by both", () => {
  expect(fieldText("destinations[1]")).toBe("Destinations 2");
  expect(fieldText("services[0].ports")).toBe("Services 1, Ports");
  expect(fieldText("rows[3].username")).toBe("Row 3, Username");
});

test("a person of a session is no owner", () => {
  expect(fieldText("user_id", "device")).toBe("Owner");
  expect(fieldText("user_id", "session")).toBe("User");
});

test("a value is in words where its field has some", () => {
  expect(fieldValue("effect", "deny")).toBe("Deny");
  expect(fieldValue("name", "deny")).toBeUndefined();
  const reasons = matches(/enum EndReason \{([^}]*)\}/.exec(stored)?.[1] ?? "", /^\s+([A-Z]\w+),/gm)
    .map((name) => name.replace(/\B[A-Z]/g, (letter) => `_${letter}`).toLowerCase());
  expect(reasons).toContain("logout");
  expect(reasons.filter((reason) => fieldValue("end_reason", reason) === undefined)).toEqual([]);
});

test("every state that has a colour has a word", () => {
  expect(Object.keys(COLORS).filter((state) => t.status[state] === undefined)).toEqual([]);
});

test("a sentence has what is drawn in its places", () => {
  const link = createElement("a", null, "Intranet");
  expect(renderToStaticMarkup(said`By ${link}, number ${2}: ${null}.`)).toBe("By <a>Intranet</a>, number 2: .");
});
