/** Passwords that somebody hands to somebody else. */

// No letters or digits that look like others: they may be read out.
const LETTERS = "abcdefghjkmnpqrstuvwxyz23456789";
const GROUPS = 4;
const GROUP = 5;

/** A random password of about 99 bits, in groups that can be read out. */
export function generatePassword(random: (bytes: Uint8Array<ArrayBuffer>) => Uint8Array = fill): string {
  const picked: string[] = [];
  // What would make the first letters likelier than the others is thrown away.
  const fair = 256 - (256 % LETTERS.length);
  while (picked.length < GROUPS * GROUP) {
    for (const byte of random(new Uint8Array(GROUPS * GROUP))) {
      if (byte < fair && picked.length < GROUPS * GROUP) {
        picked.push(LETTERS.charAt(byte % LETTERS.length));
      }
    }
  }
  return Array.from({ length: GROUPS }, (_, n) => picked.slice(n * GROUP, (n + 1) * GROUP).join("")).join("-");
}

function fill(bytes: Uint8Array<ArrayBuffer>): Uint8Array {
  return crypto.getRandomValues(bytes);
}
