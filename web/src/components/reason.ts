/** Why somebody changes something, as the audit log says it. */

import { useState } from "react";

/** The reason as a header of a request; none where none was given. */
export interface Because {
  "X-Reason"?: string;
}

/** The header with the reason. `fetch` takes a character for each byte, which are those of UTF-8. */
export function reasonHeader(reason: string): Because {
  const bytes = new TextEncoder().encode(reason.trim());
  return bytes.length === 0 ? {} : { "X-Reason": String.fromCharCode(...bytes) };
}

/** A reason that is being typed: for the field of a {@link Form}, and for the request. */
export function useReason(proposed = "") {
  const [value, onChange] = useState(proposed);
  return { field: { value, onChange }, header: reasonHeader(value) };
}
