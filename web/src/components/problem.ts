/** What went wrong, in words. */

import type { UseFormReturnType } from "@mantine/form";
import { notifications } from "@mantine/notifications";

import { ApiError } from "../api/client.ts";
import { t } from "../text/index.ts";

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
 * Puts what the server says about fields beside them; answers what is left to say. `fields` are
 * those that the form shows: of a list of texts that is one field, its items have none.
 */
export function takeErrors<T extends Record<string, unknown>>(
  form: UseFormReturnType<T>,
  error: unknown,
): string | undefined {
  if (!(error instanceof ApiError) || error.details.length === 0) {
    return messageOf(error);
  }
  const shown = new Map<string, string>();
  const left: string[] = [];
  for (const { field, message } of error.details) {
    const own = fieldOf(field).split(".")[0] ?? field;
    const exact = fieldOf(field);
    const values = form.getValues() as Record<string, unknown>;
    if (form.getInputNode(exact) !== null && exact !== own) {
      shown.set(exact, message);
    } else if (own in values) {
      const text = exact === own ? message : `${field}: ${message}`;
      shown.set(own, shown.has(own) ? `${shown.get(own)}; ${text}` : text);
    } else {
      left.push(`${field}: ${message}`);
    }
  }
  form.setErrors(Object.fromEntries(shown));
  const first = shown.keys().next().value;
  if (first !== undefined) {
    form.getInputNode(first)?.focus();
  }
  return left.length > 0 ? left.join("; ") : t.problem.fields;
}
