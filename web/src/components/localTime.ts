/** Times of the API as people read and type them: in the local zone. */

import { t } from "../text/common.ts";
import { LOCALE } from "../text/locale.ts";

/** As RFC 3339 has it, but on the clock of the local zone; nothing where it is no time. */
function onTheClock(at: Date): string | undefined {
  return Number.isNaN(at.getTime())
    ? undefined
    : new Date(at.getTime() - at.getTimezoneOffset() * 60_000).toISOString();
}

/** `2026-05-03T12:00:00.000Z` in words. */
function words(text: string): string {
  return `${text.slice(0, 10)} ${text.slice(11, 19)}`;
}

/** A time in words. */
export function local(time: string): string {
  const clock = onTheClock(new Date(time));
  return clock === undefined ? time : words(clock);
}

/** The same in UTC, as the audit log keeps it. */
export function inUtc(time: string): string {
  const at = new Date(time);
  return Number.isNaN(at.getTime()) ? time : t.time.utc(words(at.toISOString()));
}

/** The local time of so many seconds since 1970, for the axis of a chart: `2026-05-03T12:00:00…`. */
export function clockAt(seconds: number): string {
  return onTheClock(new Date(seconds * 1000)) ?? "";
}

const UNITS = [
  ["year", 31_557_600],
  ["month", 2_629_800],
  ["day", 86_400],
  ["hour", 3_600],
  ["minute", 60],
] as const;

const relative = new Intl.RelativeTimeFormat(LOCALE);

/** How long ago a time was, or how far off it is. */
export function fromNow(time: string, now = Date.now()): string {
  const seconds = (Date.parse(time) - now) / 1000;
  if (Number.isNaN(seconds)) {
    return time;
  }
  const unit = UNITS.find(([, length]) => Math.abs(seconds) >= length);
  if (unit === undefined) {
    return seconds > 0 ? relative.format(Math.ceil(seconds), "second") : t.time.justNow;
  }
  return relative.format(Math.round(seconds / unit[1]), unit[0]);
}

/** What `<input type="datetime-local">` has for it; seconds only where there are some. */
export function toLocalInput(time: string | null | undefined): string {
  const at = new Date(time ?? "");
  return onTheClock(at)?.slice(0, at.getSeconds() === 0 ? 16 : 19) ?? "";
}

/** The moment in UTC, as RFC 3339; null where nothing is typed. */
export function fromLocalInput(text: string): string | null {
  const at = new Date(text);
  return Number.isNaN(at.getTime()) ? null : at.toISOString();
}
