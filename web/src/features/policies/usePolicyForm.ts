/** The form of a policy over what others may change meanwhile: what is asked, saved and said. */

import { useForm } from "@mantine/form";
import { useEffect, useRef, useState } from "react";

import { ApiError, changed, client, type Schemas } from "../../api/index.ts";
import { ifMatch } from "../../api/etag.ts";
import { confirm } from "../../components/confirm.tsx";
import { type Difference, differences } from "../../components/difference.ts";
import { fieldErrors, notifyDone, notifyProblem, takeErrors } from "../../components/problem.ts";
import { useReason } from "../../components/reason.ts";
import { policiesText } from "../../text/policies.ts";
import { flawsOf, LABELS, merge, newPolicy, type Policy, type PolicyForm, toFields, toForm, toPatch } from "./form.ts";
import { readPolicy } from "./readPolicy.ts";
import { askPreview, useLivePreview } from "./useLivePreview.ts";

type Saved = Policy | Schemas["Pending"];

export function usePolicyForm(policy: Policy | undefined, onSaved: (saved: Saved) => void) {
  const [base, setBase] = useState(policy);
  const start = base === undefined ? newPolicy : toForm(base);
  const form = useForm<PolicyForm>({ initialValues: start, validate: flawsOf, validateInputOnBlur: true });
  const live = useLivePreview(form.values, base);
  const reason = useReason();
  const [problem, setProblem] = useState<string>();
  const [busy, setBusy] = useState(false);
  const [theirs, setTheirs] = useState<Policy>();
  // The page may be left as soon as it is saved, before anything is drawn again.
  const saved = useRef(false);

  const dirty = base === undefined ? form.isDirty() : Object.keys(toPatch(form.values, base)).length > 0;

  /** What is shown is what holds, as long as nobody has typed anything. */
  const take = (now: Policy) => {
    setBase(now);
    form.setInitialValues(toForm(now));
    form.setValues(toForm(now));
    form.clearErrors();
  };
  useEffect(() => {
    if (policy === undefined || base === undefined || policy.version <= base.version) {
      return;
    }
    // Also where what is typed was saved, and the answer did not have it yet.
    if (!dirty || Object.keys(toPatch(form.getValues(), policy)).length === 0) {
      take(policy);
    }
  }, [policy]);

  /** Somebody else was faster: both changes together, or the choice where they meet. */
  const meet = async (): Promise<void> => {
    if (base === undefined) {
      return;
    }
    const now = await readPolicy(base.id);
    const { merged, contested } = merge(toForm(base), form.getValues(), toForm(now));
    if (contested.length > 0) {
      setTheirs(now);
      return;
    }
    setBase(now);
    form.setInitialValues(toForm(now));
    form.setValues(merged);
    setProblem(policiesText.merged);
  };

  const send = async (values: PolicyForm, from: Policy | undefined, header: object): Promise<Saved> => {
    if (from === undefined) {
      const { data } = await client.POST("/admin/policies", { params: { header }, body: toFields(values) });
      return data as Saved;
    }
    const { data } = await client.PATCH("/admin/policies/{id}", {
      params: { path: { id: from.id }, header: { ...header, ...ifMatch(from.version) } },
      body: toPatch(values, from),
    });
    return data as Saved;
  };

  const save = async (values: PolicyForm, from: Policy | undefined, header: object): Promise<void> => {
    try {
      const answer = await send(values, from, header);
      saved.current = true;
      setTheirs(undefined);
      reason.field.onChange("");
      if ("version" in answer) {
        take(answer);
      }
      notifyDone(from === undefined ? policiesText.createdNotice(values.name) : policiesText.savedNotice(values.name));
      onSaved(answer);
      await changed();
      saved.current = from === undefined;
    } catch (error) {
      if (error instanceof ApiError && error.status === 412) {
        await meet();
      } else {
        setTheirs(undefined);
        setProblem(takeErrors(form, error));
      }
    }
  };

  /** Looks at what it would do once more, and asks where there is a warning. */
  const attempt = async (values: PolicyForm, from: Policy | undefined): Promise<void> => {
    setBusy(true);
    setProblem(undefined);
    try {
      const preview = await askPreview(values, from);
      const moments = [preview, ...preview.later.items];
      if (moments.every(({ warnings }) => warnings.length === 0)) {
        await save(values, from, reason.header);
        return;
      }
      const creating = from === undefined;
      confirm({
        title: creating ? policiesText.warn.createTitle : policiesText.warn.saveTitle,
        text: policiesText.warn.text,
        verb: creating ? policiesText.warn.create : policiesText.warn.save,
        danger: true,
        reason: reason.field.value,
        preview: () => Promise.resolve(preview),
        action: (header) => save(values, from, header),
      });
    } catch (error) {
      if (error instanceof ApiError && error.status === 412) {
        await meet();
      } else {
        setProblem(takeErrors(form, error));
      }
    } finally {
      setBusy(false);
    }
  };

  const contested = (): Difference[] => {
    if (base === undefined || theirs === undefined) {
      return [];
    }
    const { contested } = merge(toForm(base), form.getValues(), toForm(theirs));
    const labels = Object.fromEntries(Object.entries(LABELS).filter(([field]) => contested.includes(field)));
    return differences(labels, toFields(form.getValues()), toFields(toForm(theirs)));
  };
  /** Goes on over what holds now; `mine` decides where both have changed something. */
  const settle = (mine: boolean): PolicyForm | undefined => {
    if (base === undefined || theirs === undefined) {
      return undefined;
    }
    const now = toForm(theirs);
    const { merged, contested } = merge(toForm(base), form.getValues(), now);
    const chosen = mine ? {} : Object.fromEntries(contested.map((field) => [field, now[field]]));
    const values: PolicyForm = { ...merged, ...chosen };
    setBase(theirs);
    form.setInitialValues(now);
    form.setValues(values);
    setTheirs(undefined);
    return values;
  };

  // What the preview refuses is shown beside the fields, and the focus stays where one types.
  const refused = live.error === undefined ? { shown: {}, left: [] } : fieldErrors(form, live.error);
  const errorOf = (field: string) => form.errors[field] ?? (refused.shown as Record<string, string>)[field];

  return {
    form,
    base,
    live,
    errorOf,
    problem,
    busy,
    dirty,
    reason: reason.field,
    isDirty: () => dirty && !saved.current,
    submit: form.onSubmit((values) => void attempt(values, base)),
    reset: () => {
      form.reset();
      setProblem(undefined);
    },
    meet: () => void meet().catch(notifyProblem),
    conflict: {
      found: theirs === undefined ? undefined : contested(),
      busy,
      onMine: () => {
        const values = settle(true);
        if (values !== undefined) {
          void attempt(values, theirs);
        }
      },
      onTheirs: () => void settle(false),
      onClose: () => setTheirs(undefined),
    },
  };
}
