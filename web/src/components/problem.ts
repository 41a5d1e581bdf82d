/** What went wrong, in words. */

import type { UseFormReturnType } from "@mantine/form";
import { notifications } from "@mantine/notifications";

import { ApiError } from "../api/client.ts";
import { t } from "../text/common.ts";
import { fieldText } from "../text/fields.ts";

/** For people: what is wrong and what to do. */
export function messageOf(error: unknown): string {
  if (error instanceof ApiError) {
    const text = error.message;
    const sentence = text.charAt(0).toUpperCase() + text.slice(1);
    return /[.!?]$/.test(sentence) ? sentence : `${sentence}.`;
  }
  // What `fetch` throws where nobody answers is worded by the browser.
  if (error instanceof TypeError) {
    return t.problem.lost;
  }
  return error instanceof Error ? error.message : String(error);
}

/** Shows a refusal of what has no form to show it in. */
export function notifyProblem(error: unknown): void {
  notifications.show({
    color: "red",
    title: t.problem.title,
    message: messageOf(error),
    autoClose: 10_000,
  });
}

export function notifyDone(message: string): void {
  notifications.show({ color: "green", message });
}

/** The form's field of what the server names: `destinations[1]` is the form's `destinations.1`. */
export function fieldOf(name: string): string {
  return name.replace(/\[(\d+)\]/g, ".$1");
}

/**
 * What the server says about fields, by the form's field, and what is left to say. What it says of
 * an item of a list is said of the list, unless the item has an input of its own.
 */
export function fieldErrors<T extends Record<string, unknown>>(
  form: UseFormReturnType<T>,
  error: unknown,
): { shown: Record<string, string>; left: string[] } {
  if (!(error instanceof ApiError) || error.details.length === 0) {
    return { shown: {}, left: [messageOf(error)] };
  }
  const shown = new Map<string, string>();
  const left: string[] = [];
  const values = form.getValues() as Record<string, unknown>;
  for (const { field, message } of error.details) {
    const exact = fieldOf(field);
    const own = exact.split(".")[0] ?? field;
    if (form.getInputNode(exact) !== null && exact !== own) {
      shown.set(exact, message);
    } else if (own in values) {
      const text = exact === own ? message : `${fieldText(field)}: ${message}`;
      shown.set(own, shown.has(own) ? `${shown.get(own)}; ${text}` : text);
    } else {
      left.push(`${fieldText(field)}: ${message}`);
    }
  }
  return { shown: Object.fromEntries(shown), left };
}

/** Puts what the server says about fields beside them; answers what is left to say. */
export function takeErrors<T extends Record<string, unknown>>(
  form: UseFormReturnType<T>,
  error: unknown,
): string | undefined {
  const { shown, left } = fieldErrors(form, error);
  const first = Object.keys(shown)[0];
  if (first === undefined) {
    return left.join("; ");
  }
  form.setErrors(shown);
  form.getInputNode(first)?.focus();
  return left.length > 0 ? left.join("; ") : t.problem.fields;
}
