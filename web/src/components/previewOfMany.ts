/** What a change of many would do, and of which of them it would be refused. */

import type { Schemas } from "../api/client.ts";

type Preview = Schemas["Preview"];

/** Whom it would not be done to, and why. */
export interface Refusal {
  readonly id: string;
  readonly message: string;
}

/** With those of which it would be refused: that stops none of the others. */
export type PreviewOfMany = Preview & { readonly refused?: readonly Refusal[] };

interface Answer {
  readonly preview: Preview;
  readonly refused: readonly { readonly id: string; readonly error?: { readonly message: string } | null }[];
}

/** The answer of a preview of many, whatever they are; a refusal was thrown before. */
export async function previewOfMany(answer: Promise<{ data?: Answer }>): Promise<PreviewOfMany> {
  const { preview, refused } = (await answer).data as Answer;
  return { ...preview, refused: refused.map(({ id, error }) => ({ id, message: error?.message ?? "" })) };
}
