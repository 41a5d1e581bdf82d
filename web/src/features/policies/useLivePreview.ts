/** What saving a form would do, asked a moment after the last change of it. */

import { useDebouncedValue } from "@mantine/hooks";
import { useQuery } from "@tanstack/react-query";

import { client, type Schemas } from "../../api/index.ts";
import { ifMatch } from "../../api/etag.ts";
import { policiesText } from "../../text/policies.ts";
import { flawsOf, type Policy, type PolicyForm, toFields, toPatch } from "./form.ts";

type Preview = Schemas["Preview"];

export interface Live {
  /** Nothing is asked while the form is not right, or changes nothing. */
  readonly state: "incomplete" | "unchanged" | "asked";
  /** The newest answer, also while the next one is on its way. */
  readonly preview: Preview | undefined;
  readonly error: unknown;
  /** Whether the answer is to the form as it is. */
  readonly current: boolean;
}

/** Long enough for a word, short enough to be there when one looks up. */
const MOMENT = 500;

/** Asks what creating the policy would do, or changing the one that was read. */
export async function askPreview(values: PolicyForm, base: Policy | undefined): Promise<Preview> {
  // The name decides nothing: one can see what a policy would do before it has one.
  const named = values.name.trim() === "" ? { ...values, name: policiesText.preview.unnamed } : values;
  if (base === undefined) {
    const { data } = await client.POST("/admin/preview/policies", { body: toFields(named) });
    return data as Preview;
  }
  const { data } = await client.PATCH("/admin/preview/policies/{id}", {
    params: { path: { id: base.id }, header: ifMatch(base.version) },
    body: toPatch(named, base),
  });
  return data as Preview;
}

/** What is wrong with a form beyond what a preview can do without. */
function incomplete(values: PolicyForm): boolean {
  return Object.keys(flawsOf(values)).some((field) => {
    const unnamed = field === "name" && values.name.trim() === "";
    return !unnamed && field !== "draft";
  });
}

export function useLivePreview(values: PolicyForm, base: Policy | undefined): Live {
  const bad = incomplete(values);
  const body = bad ? undefined : base === undefined ? toFields(values) : toPatch(values, base);
  const unchanged = body !== undefined && Object.keys(body).length === 0;
  const asked = bad || unchanged ? "" : `${base?.version} ${JSON.stringify(body)}`;
  const [key] = useDebouncedValue(asked, MOMENT);
  const query = useQuery({
    queryKey: ["live preview", base?.id, key],
    // The key is of these values wherever it is asked: it is only asked while they are the same.
    queryFn: () => askPreview(values, base),
    enabled: key !== "" && key === asked,
    placeholderData: (before) => before,
    staleTime: 0,
  });
  return {
    state: bad ? "incomplete" : unchanged ? "unchanged" : "asked",
    preview: query.data,
    error: key === asked ? (query.error ?? undefined) : undefined,
    current: key === asked && !query.isFetching && !query.isPlaceholderData,
  };
}
