/** A form over something that others may change at the same moment. */

import { type FormValidateInput, useForm } from "@mantine/form";
import { useState } from "react";

import { ApiError, changed } from "../api/index.ts";
import { type Difference, differences } from "./Conflict.tsx";
import { takeErrors } from "./problem.ts";

/** What was read, and the number of its ETag. */
export interface Versioned<V> {
  readonly values: V;
  readonly version: number;
}

/**
 * What to ask where somebody else was faster: the fields that they have changed to something else
 * than is in the form.
 */
export function contested<V extends Record<string, unknown>>(
  labels: Readonly<Record<string, string>>,
  base: V,
  mine: V,
  theirs: V,
): Difference[] {
  const touched = differences(labels, base, theirs).map(({ label }) => label);
  return differences(labels, mine, theirs).filter(({ label }) => touched.includes(label));
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
  labels: Readonly<Record<keyof V & string, string>>;
  validate?: FormValidateInput<V>;
  read: () => Promise<Versioned<V>>;
  /** Saves with `If-Match` of this version. */
  save: (values: V, version: number) => Promise<unknown>;
  onSaved: () => void;
}) {
  const form = useForm<V>({ initialValues: start.values, ...(validate === undefined ? {} : { validate }) });
  const [base, setBase] = useState(start);
  const [theirs, setTheirs] = useState<Versioned<V>>();
  const [problem, setProblem] = useState<string>();
  const [busy, setBusy] = useState(false);

  const attempt = async (values: V, from: Versioned<V>): Promise<void> => {
    try {
      await save(values, from.version);
    } catch (error) {
      if (!(error instanceof ApiError && error.status === 412)) {
        throw error;
      }
      const now = await read();
      if (contested(labels, base.values, values, now.values).length > 0) {
        setTheirs(now);
        return;
      }
      // What has changed is not in this form.
      await save(values, now.version);
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
      const touched = contested(labels, base.values, form.getValues(), theirs.values);
      for (const [field, label] of Object.entries(labels)) {
        if (touched.some((one) => one.label === label)) {
          form.setFieldValue(field, theirs.values[field] as never);
        }
      }
      setBase(theirs);
      setTheirs(undefined);
    }
  };

  return {
    form,
    problem,
    busy,
    submit: form.onSubmit((values) => run(values, base)),
    /** For {@link Conflict}. */
    conflict: {
      found: theirs && contested(labels, base.values, form.getValues(), theirs.values),
      busy,
      onMine: () => theirs !== undefined && void run(form.getValues(), theirs),
      onTheirs: takeTheirs,
      onClose: () => setTheirs(undefined),
    },
  };
}
