/** A field whose two versions differ. */
export interface Difference {
  readonly field: string;
  readonly label: string;
  readonly mine: unknown;
  readonly theirs: unknown;
}

/** Whether two values of a field say the same. */
export function sameValue(one: unknown, other: unknown): boolean {
  return JSON.stringify(one ?? null) === JSON.stringify(other ?? null);
}

/** Which of these fields differ. */
export function differences(
  labels: Readonly<Record<string, string>>,
  mine: Readonly<Record<string, unknown>>,
  theirs: Readonly<Record<string, unknown>>,
): Difference[] {
  return Object.entries(labels)
    .map(([field, label]) => ({ field, label, mine: mine[field], theirs: theirs[field] }))
    .filter(({ mine, theirs }) => !sameValue(mine, theirs));
}
