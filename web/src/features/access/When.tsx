import { Box, Button, Group, SegmentedControl, Skeleton, Text } from "@mantine/core";
import { Suspense, useEffect, useState } from "react";

import { api } from "../../api/index.ts";
import { fromLocalInput, toLocalInput } from "../../components/localTime.ts";
import { onDemand } from "../../components/onDemand.tsx";
import { TimeField } from "../../components/TimeField.tsx";
import { accessText } from "../../text/access.ts";

const words = accessText.when;

const PastSlider = onDemand(() => import("./PastSlider.tsx").then((file) => file.PastSlider));

/** Now, or a moment of the past: by a slider over all that the log has, or exactly. */
export function When({
  at,
  asOf,
  error,
  onChange,
}: {
  at: string | undefined;
  /** When the event was whose number is asked about, once that is known. */
  asOf?: string | null | undefined;
  /** What is wrong with the moment. */
  error?: string | undefined;
  onChange: (at: string | null) => void;
}) {
  const first = api.useQuery(
    "get",
    "/admin/audit-logs",
    { params: { query: { sort: "idx", page_size: 1 } } },
    { staleTime: Number.POSITIVE_INFINITY },
  );
  const begin = Date.parse(first.data?.items[0]?.time ?? "");
  // The slider's end stays where it is while one drags.
  const [end] = useState(() => Date.now());
  const event = at !== undefined && /^\d+$/.test(at) ? Number(at) : undefined;
  const time = event === undefined ? at : (asOf ?? undefined);
  const moment = Date.parse(time ?? "");
  const [dragged, setDragged] = useState<number>();
  const [typed, setTyped] = useState(toLocalInput(time));
  useEffect(() => {
    setTyped(toLocalInput(time));
    setDragged(undefined);
  }, [time]);
  const known = !Number.isNaN(begin) && begin < end;
  const past = at !== undefined;
  const commit = () => {
    const next = fromLocalInput(typed);
    if (next !== null && typed !== toLocalInput(time)) {
      onChange(next);
    }
  };
  return (
    <Group gap="md" align="flex-start" mt="sm">
      <div>
        <Text size="sm" fw={600} mb={4} id="access-when">
          {words.label}
        </Text>
        <SegmentedControl
          aria-labelledby="access-when"
          data={[
            { value: "now", label: words.now },
            { value: "past", label: words.past },
          ]}
          value={past ? "past" : "now"}
          onChange={(next) => onChange(next === "now" ? null : new Date(end).toISOString())}
        />
      </div>
      {past && (
        <>
          <Box style={{ flex: "1 1 260px", maxWidth: 520 }} px={8} pt={{ base: 10, sm: 35 }}>
            <Suspense fallback={<Skeleton height={16} />}>
              <PastSlider
                begin={known ? begin : undefined}
                end={end}
                value={dragged ?? (Number.isNaN(moment) ? end : moment)}
                onChange={setDragged}
                onChangeEnd={(value) => onChange(new Date(value).toISOString())}
              />
            </Suspense>
          </Box>
          <TimeField
            step={1}
            label={words.exact}
            error={error}
            note={event === undefined ? undefined : words.event(event)}
            value={typed}
            onChange={(change) => setTyped(change.currentTarget.value)}
            onBlur={commit}
            onKeyDown={(key) => {
              if (key.key === "Enter") {
                key.preventDefault();
                commit();
              }
            }}
          />
          <Button variant="subtle" mt={{ base: 0, sm: 25 }} onClick={() => onChange(null)}>
            {words.toNow}
          </Button>
        </>
      )}
    </Group>
  );
}
