/** What the form for a new device says to the API, and what the answer gives. */

import type { Schemas } from "../../api/client.ts";
import { fromLocalInput } from "../../components/localTime.ts";

/** A type and not an interface, so that it is a record of its fields. */
export type EnrolForm = {
  owner: string | null;
  name: string;
  platform: string;
  keyFrom: "server" | "device";
  public_key: string;
  gateway_id: string | null;
  /** A local time, as `<input type="datetime-local">` has it. */
  expires_at: string;
};

export type EnrolAnswer =
  | Schemas["Enrolment"]
  | Schemas["EnrolmentPending"]
  | Schemas["AlreadyShown"];

/** The platforms that the UI knows the words for. */
export const PLATFORMS = ["ios", "android", "windows", "macos", "linux"] as const;

export function isPhone(platform: string): boolean {
  return platform === "ios" || platform === "android";
}

/** Whether a text is 32 bytes in base64, as WireGuard writes keys. */
export function isPublicKey(text: string): boolean {
  return /^[A-Za-z0-9+/]{42}[AEIMQUYcgkosw048]=$/.test(text.trim());
}

export function newDevice(form: EnrolForm): Schemas["NewDevice"] {
  const expires = fromLocalInput(form.expires_at);
  return {
    name: form.name.trim(),
    platform: form.platform,
    ...(form.keyFrom === "server"
      ? { generate_key: true }
      : { public_key: form.public_key.trim() }),
    ...(form.gateway_id === null ? {} : { gateway_id: form.gateway_id }),
    ...(expires === null ? {} : { expires_at: expires }),
  };
}

/** Whether an answer holds something that is not shown again. */
export function holdsSecret(answer: EnrolAnswer): boolean {
  if (wasShown(answer)) {
    return false;
  }
  if ("profile" in answer) {
    return answer.profile.complete || (answer.peer.preshared_key ?? null) !== null;
  }
  return "private_key" in answer && answer.private_key !== undefined;
}

/** Whether it repeats an earlier answer, with its secrets left out. */
export function wasShown(answer: EnrolAnswer): answer is Schemas["AlreadyShown"] {
  return "secret_already_shown" in answer;
}

/**
 * The tunnel's name on the device. WireGuard takes it from the file, and takes 15 characters at
 * most there.
 */
export function tunnelName(device: string): string {
  const plain = device
    .normalize("NFKD")
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, "-")
    .replace(/^-+/, "")
    .slice(0, 15)
    .replace(/-+$/, "");
  return plain === "" ? "nexavpn" : plain;
}

/** An image of an SVG text, which no script in it can run from. */
export function svgImage(svg: string): string {
  return `data:image/svg+xml;utf8,${encodeURIComponent(svg)}`;
}
