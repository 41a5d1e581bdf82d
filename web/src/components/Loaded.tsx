import { Skeleton, Stack } from "@mantine/core";
import type { ReactNode } from "react";

import { t } from "../text/common.ts";
import { Problem } from "./Problem.tsx";

/** What is read, once it is there: its shape before, and what went wrong instead of it. */
export function Loaded<T>({
  query,
  children,
}: {
  query: { data: T | undefined; error: unknown; refetch: () => unknown };
  children: (data: T) => ReactNode;
}) {
  if (query.data !== undefined) {
    return children(query.data);
  }
  if (query.error !== null && query.error !== undefined) {
    return <Problem error={query.error} retry={() => void query.refetch()} />;
  }
  return <Loading />;
}

/** What is on its way, by its shape. */
export function Loading() {
  return (
    <Stack aria-busy="true" aria-label={t.loading} role="status">
      <Skeleton height={28} width="40%" />
      <Skeleton height={120} />
      <Skeleton height={120} />
    </Stack>
  );
}
