/** Files of users, and what the server says about their rows. */

import type { Schemas } from "../../api/client.ts";
import { fieldText } from "../../text/fields.ts";

export type Report = Schemas["UserImport"];
type Row = Schemas["UserImportRow"];

/** The media type that the API takes such a file as; none where it takes no such file. */
export function mediaType(name: string): "text/csv" | "application/json" | undefined {
  const lower = name.toLowerCase();
  if (lower.endsWith(".csv")) {
    return "text/csv";
  }
  return lower.endsWith(".json") ? "application/json" : undefined;
}

/** The rows with something wrong. */
export function badRows(report: Report): Row[] {
  return report.rows.filter(({ error }) => error !== null && error !== undefined);
}

/** What is wrong with a row: each field, or the whole of it. */
export function whatIsWrong({ error }: Row): string {
  if (error === null || error === undefined) {
    return "";
  }
  const details = error.details ?? [];
  return details.length === 0
    ? error.message
    : details.map(({ field, message }) => `${fieldText(field)}: ${message}`).join("; ");
}
