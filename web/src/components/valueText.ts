import { t } from "../text/common.ts";
import { serviceText } from "./serviceText.ts";

interface Service {
  readonly protocol: string;
  readonly ports?: string[];
}

function isService(value: unknown): value is Service {
  return typeof value === "object" && value !== null && "protocol" in value && typeof value.protocol === "string";
}

/** A time as the API writes it. */
const TIME = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z$/;

export function isTime(value: unknown): value is string {
  return typeof value === "string" && TIME.test(value);
}

/** A value of an event's field as text. */
export function valueText(value: unknown): string {
  if (value === null || value === undefined || value === "") {
    return "–";
  }
  if (typeof value === "boolean") {
    return value ? t.yes : t.no;
  }
  if (isService(value)) {
    return serviceText(value);
  }
  if (Array.isArray(value) && value.every((one) => typeof one !== "object" || one === null || isService(one))) {
    return value.length === 0 ? t.none : value.map(valueText).join(value.some(isService) ? "; " : ", ");
  }
  return typeof value === "object" ? JSON.stringify(value, undefined, 1) : String(value);
}
