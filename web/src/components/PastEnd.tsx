import { Button } from "@mantine/core";

import { t } from "../text/common.ts";
import { Empty } from "./Empty.tsx";
import type { useListState } from "./useListState.ts";

/** A page that a list does not have, or not any more: it says nothing about whether the list is empty. */
export function PastEnd({ list }: { list: ReturnType<typeof useListState> }) {
  return (
    <Empty title={t.pastEnd} text={t.pastEndHint}>
      <Button variant="default" onClick={() => list.set({})}>
        {t.first}
      </Button>
    </Empty>
  );
}
