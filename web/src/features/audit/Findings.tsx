import { Button, Group, Stack, Text } from "@mantine/core";
import { IconCircleCheck, IconCircleX, IconHelpCircle } from "@tabler/icons-react";
import type { ReactNode } from "react";

import { Time } from "../../components/Time.tsx";
import { verifyText } from "../../text/verify.ts";
import { type Checked, forget } from "./verify.ts";

const words = verifyText;

const LOOKS = {
  good: { icon: IconCircleCheck, color: "var(--mantine-color-green-light-color)", label: words.good },
  bad: { icon: IconCircleX, color: "var(--mantine-color-error)", label: words.bad },
  unknown: { icon: IconHelpCircle, color: "var(--mantine-color-dimmed)", label: words.unknown },
};

/** What was found out about one thing. */
export function Finding({ found, name, children }: { found: keyof typeof LOOKS; name?: string; children: ReactNode }) {
  const { icon: Icon, color, label } = LOOKS[found];
  return (
    <Group gap="sm" align="flex-start" wrap="nowrap" data-finding={found}>
      <Icon size={22} color={color} aria-label={label} role="img" style={{ flexShrink: 0 }} />
      <div>
        {name !== undefined && (
          <Text size="sm" fw={600}>
            {name}
          </Text>
        )}
        <Text size="sm" component="div">
          {children}
        </Text>
      </div>
    </Group>
  );
}

/** What was checked about the newest checkpoint, one thing after the other. */
export function Findings({ checked, again }: { checked: Checked; again: () => void }) {
  const { signed, newest, since, checkpoint } = checked;
  const { origin, size } = checkpoint;
  return (
    <Stack gap="sm">
      <Finding found={signed === "unsupported" ? "unknown" : signed} name={words.signature.name}>
        {signed === "unsupported" ? words.signature.unsupported : words.signature[signed](origin)}
      </Finding>
      <Finding found={newest ? "good" : "bad"} name={words.newest.name}>
        {newest ? words.newest.good(size) : words.newest.bad(size)}
      </Finding>
      {since === undefined ? (
        <Finding found="unknown" name={words.since.name}>
          {words.since.first}
        </Finding>
      ) : (
        <Finding found={since.verdict === "continues" ? "good" : "bad"} name={words.since.name}>
          {words.since[since.verdict](since.size)} <Time at={since.kept.at} ago />.
          {since.verdict !== "continues" && (
            <Group gap="xs" mt="xs">
              {words.since.expected}
              <Button
                size="compact-sm"
                variant="default"
                onClick={() => {
                  forget();
                  again();
                }}
              >
                {words.since.forget}
              </Button>
            </Group>
          )}
        </Finding>
      )}
    </Stack>
  );
}
