import { Button, Text } from "@mantine/core";
import { type ReactNode, useState } from "react";

import { t } from "../text/common.ts";

const FIRST = 25;
/** The API's largest page. */
const MOST = 200;

/** How much is read of a list that begins with the newest. */
export function useSize() {
  const [size, setSize] = useState(FIRST);
  return { size, grow: () => setSize(Math.min(size * 2, MOST)) };
}

/** Reads more of such a list; where it reads no more, says that there is more, and where. */
export function Older({
  next,
  of: { size, grow },
  loading,
  rest,
  mt = 0,
}: {
  /** Where the rest begins, if there is any. */
  next: string | null | undefined;
  of: ReturnType<typeof useSize>;
  loading: boolean;
  rest?: ReactNode;
  mt?: "sm" | 0;
}) {
  if (!next) {
    return null;
  }
  return size < MOST ? (
    <Button variant="default" mt={mt} onClick={grow} loading={loading}>
      {t.older}
    </Button>
  ) : (
    <Text size="sm" c="dimmed" mt={mt}>
      {t.newest(MOST)} {rest}
    </Text>
  );
}
