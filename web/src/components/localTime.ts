/** Times of the API as `<input type="datetime-local">` has them, and back. */

import dayjs from "dayjs";

/** The local time that stands for it; seconds only where there are some. */
export function toLocalInput(time: string | null | undefined): string {
  if (time === null || time === undefined) {
    return "";
  }
  const at = dayjs(time);
  return at.format(at.second() === 0 ? "YYYY-MM-DDTHH:mm" : "YYYY-MM-DDTHH:mm:ss");
}

/** The moment in UTC, as RFC 3339; null where nothing is typed. */
export function fromLocalInput(text: string): string | null {
  const at = text === "" ? undefined : dayjs(text);
  return at?.isValid() ? at.toDate().toISOString() : null;
}
