import { Alert, List, Text } from "@mantine/core";
import type { ReactNode } from "react";

import { t } from "../text/common.ts";
import { previewText } from "../text/preview.ts";
import type { Refusal } from "./previewOfMany.ts";

/** So many are named. */
const NAMED = 10;

/** To which of many it would not be done, and why. */
export function Refused({ of, nameOf }: { of: readonly Refusal[]; nameOf: (id: string) => ReactNode }) {
  if (of.length === 0) {
    return null;
  }
  return (
    <Alert color="orange" title={previewText.refused(of.length)}>
      <List size="sm">
        {of.slice(0, NAMED).map(({ id, message }) => (
          <List.Item key={id}>
            <Text span inherit fw={600}>
              {nameOf(id)}
            </Text>
            {": "}
            {message}
          </List.Item>
        ))}
        {of.length > NAMED && <List.Item>{t.andMore(of.length - NAMED)}</List.Item>}
      </List>
    </Alert>
  );
}
