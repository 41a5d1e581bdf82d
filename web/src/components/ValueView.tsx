import type { Schemas } from "../api/client.ts";
import { t } from "../text/common.ts";
import { fieldValue } from "../text/fields.ts";
import { type EntityKind, useNames } from "./entityNames.ts";
import { Time } from "./Time.tsx";
import { isTime, valueText } from "./valueText.ts";
import { whole } from "./whole.ts";

type Target = Schemas["Target"];

function isTarget(value: unknown): value is Target {
  if (typeof value !== "object" || value === null || !("type" in value)) {
    return false;
  }
  const named = "id" in value && typeof value.id === "string";
  return value.type === "everyone" || (named && ["user", "group", "device"].includes(String(value.type)));
}

const ID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;

/** Whether a value is the id of something, which people are not shown where it has a name. */
export function isId(value: unknown): value is string {
  return typeof value === "string" && ID.test(value);
}

/** The fields that hold an id, and of what. */
const KINDS: Readonly<Record<string, EntityKind>> = {
  user_id: "user",
  members: "user",
  device_id: "device",
  gateway_id: "gateway",
};

/** A value of an event's field; whom it is about by their names. */
export function ValueView({ field, value }: { field?: string; value: unknown }) {
  const kind = field === undefined ? undefined : KINDS[field];
  if (kind !== undefined && isId(value)) {
    return <Name kind={kind} id={value} />;
  }
  if (Array.isArray(value) && value.length > 0 && value.every(isTarget)) {
    return value.map((target, n) => (
      <span key={JSON.stringify(target)}>
        {n > 0 && ", "}
        {target.type === "everyone" ? t.everyone : <Named type={target.type} id={target.id} />}
      </span>
    ));
  }
  if (Array.isArray(value) && value.length > 0 && value.every((one) => typeof one === "string")) {
    return value.map((text, n) => (
      <span key={text}>
        {n > 0 && " "}
        <span className={whole(text)}>
          {text}
          {n < value.length - 1 && ","}
        </span>
      </span>
    ));
  }
  if (isTime(value)) {
    return <Time at={value} />;
  }
  return (field === undefined ? undefined : fieldValue(field, value)) ?? valueText(value);
}

function Name({ kind, id }: { kind: EntityKind; id: string }) {
  return useNames(kind, [id]).get(id);
}

function Named({ type, id }: { type: "user" | "group" | "device"; id: string }) {
  return `${t.kinds[type]} ${useNames(type, [id]).get(id)}`;
}
