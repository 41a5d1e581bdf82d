import type { Schemas } from "../api/client.ts";
import { t } from "../text/index.ts";
import { useNames } from "./EntitySelect.tsx";
import { valueText } from "./valueText.ts";

type Target = Schemas["Target"];

function isTarget(value: unknown): value is Target {
  if (typeof value !== "object" || value === null || !("type" in value)) {
    return false;
  }
  const named = "id" in value && typeof value.id === "string";
  return value.type === "everyone" || (named && ["user", "group", "device"].includes(String(value.type)));
}

/** A value of an event's field; whom a policy is about by their names. */
export function ValueView({ value }: { value: unknown }) {
  if (Array.isArray(value) && value.length > 0 && value.every(isTarget)) {
    return value.map((target, n) => (
      <span key={JSON.stringify(target)}>
        {n > 0 && ", "}
        {target.type === "everyone" ? t.everyone : <Named type={target.type} id={target.id} />}
      </span>
    ));
  }
  return valueText(value);
}

function Named({ type, id }: { type: "user" | "group" | "device"; id: string }) {
  return `${t.kinds[type]} ${useNames(type, [id]).get(id)}`;
}
