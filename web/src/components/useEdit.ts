/** A form over something that others may change at the same moment. */

import { type FormValidateInput, useForm } from "@mantine/form";
import { useState } from "react";

import { ifMatch } from "../api/etag.ts";
import { ApiError, changed } from "../api/index.ts";
import { type Difference, differences, sameValue } from "./difference.ts";
import { takeErrors } from "./problem.ts";
import { type Because, useReason } from "./reason.ts";

/** What was read, and the number of its ETag. */
export interface Versioned<V> {
  readonly values: V;
  readonly version: number;
}

type Labels<V> = Readonly<Record<keyof V & string, string>>;

/** Both versions in one: what the form left as it was is as somebody else has made it meanwhile. */
export function merged<V extends Record<string, unknown>>(labels: Labels<V>, base: V, mine: V, theirs: V): V {
  const untouched = Object.keys(labels).filter((field) => sameValue(base[field], mine[field]));
  return { ...mine, ...Object.fromEntries(untouched.map((field) => [field, theirs[field]])) };
}

/** What to ask where somebody else was faster: the fields that both have changed, to something else each. */
export function contested<V extends Record<string, unknown>>(
  labels: Labels<V>,
  base: V,
  mine: V,
  theirs: V,
): Difference[] {
  const touched = differences(labels, base, theirs).map(({ field }) => field);
  const both = differences(labels, merged(labels, base, mine, theirs), theirs);
  return both.filter(({ field }) => touched.includes(field));
}

export function useEdit<V extends Record<string, unknown>>({
  start,
  labels,
  validate,
  read,
  save,
  onSaved,
}: {
  /** What the form begins with; later values are not taken over. */
  start: Versioned<V>;
  /** The form's fields and what they are called. */
  labels: Labels<V>;
  validate?: FormValidateInput<V>;
  read: () => Promise<Versioned<V>>;
  /** Saves with these headers: `If-Match` of the version, and the reason. */
  save: (values: V, header: ReturnType<typeof ifMatch> & Because) => Promise<unknown>;
  onSaved: () => void;
}) {
  const form = useForm<V>({ initialValues: start.values, ...(validate === undefined ? {} : { validate }) });
  const [base, setBase] = useState(start);
  const [theirs, setTheirs] = useState<Versioned<V>>();
  const [problem, setProblem] = useState<string>();
  const [busy, setBusy] = useState(false);
  const reason = useReason();
  const headerOf = (version: number) => ({ ...ifMatch(version), ...reason.header });

  const attempt = async (values: V, from: Versioned<V>): Promise<void> => {
    try {
      await save(values, headerOf(from.version));
    } catch (error) {
      if (!(error instanceof ApiError && error.status === 412)) {
        throw error;
      }
      const now = await read();
      if (contested(labels, base.values, values, now.values).length > 0) {
        setTheirs(now);
        return;
      }
      // They have changed something else, which stays.
      await save(merged(labels, base.values, values, now.values), headerOf(now.version));
    }
    setTheirs(undefined);
    onSaved();
    await changed();
  };
  const run = async (values: V, from: Versioned<V>) => {
    setBusy(true);
    setProblem(undefined);
    try {
      await attempt(values, from);
    } catch (error) {
      setTheirs(undefined);
      setProblem(takeErrors(form, error));
    } finally {
      setBusy(false);
    }
  };

  const takeTheirs = () => {
    if (theirs !== undefined) {
      const asked = contested(labels, base.values, form.getValues(), theirs.values);
      const both = merged(labels, base.values, form.getValues(), theirs.values);
      for (const field of Object.keys(labels)) {
        const lost = asked.some((one) => one.field === field);
        form.setFieldValue(field, (lost ? theirs.values : both)[field] as never);
      }
      setBase(theirs);
      setTheirs(undefined);
    }
  };

  return {
    form,
    /** For {@link Form}. */
    frame: { onSubmit: form.onSubmit((values) => run(values, base)), problem, busy },
    /** For {@link Form} too, where somebody else than the owner may ask why. */
    reason: reason.field,
    /** For {@link Conflict}. */
    conflict: {
      found: theirs && contested(labels, base.values, form.getValues(), theirs.values),
      busy,
      onMine: () =>
        theirs !== undefined &&
        void run(merged(labels, base.values, form.getValues(), theirs.values), theirs),
      onTheirs: takeTheirs,
      onClose: () => setTheirs(undefined),
    },
  };
}
