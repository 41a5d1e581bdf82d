/** The header that makes a change happen only to the version that was read; 412 otherwise. */
export function ifMatch(version: number): { "If-Match": string } {
  return { "If-Match": `"${version}"` };
}
