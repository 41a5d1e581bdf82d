import { useState } from "react";

import { messageOf } from "./problem.ts";

/** Does what a form asks for: whether it is under way, and what went wrong. */
export function useSubmit(explain: (error: unknown) => string | undefined = messageOf) {
  const [problem, setProblem] = useState<string>();
  const [busy, setBusy] = useState(false);
  const run = async (act: () => Promise<unknown>): Promise<void> => {
    setBusy(true);
    setProblem(undefined);
    try {
      await act();
    } catch (error) {
      setProblem(explain(error));
    } finally {
      setBusy(false);
    }
  };
  return { problem, busy, run };
}
