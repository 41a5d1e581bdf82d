import { Anchor, Loader, Stack, Text } from "@mantine/core";
import { useDebouncedValue } from "@mantine/hooks";
import { useQuery } from "@tanstack/react-query";
import { Link } from "react-router";

import { client, type Schemas } from "../../api/index.ts";
import { Problem } from "../../components/Problem.tsx";
import { to } from "../../paths.ts";
import { t } from "../../text/common.ts";
import { policiesText } from "../../text/policies.ts";
import { MAX_PRIORITY } from "./form.ts";
import { neighbours, type Place } from "./order.ts";

const words = policiesText.neighbours;
const SIZE = 200;
/** The API numbers its pages so far. */
const NUMBERED = 10_000;

type Asked = Awaited<ReturnType<typeof neighbours>>["before"];

/** Which policies would be asked right before and after. */
export function Neighbours({ place }: { place: Place }) {
  const [asked] = useDebouncedValue(place, 300);
  const good = Number.isInteger(asked.priority) && asked.priority >= 0 && asked.priority <= MAX_PRIORITY;
  const query = useQuery({
    queryKey: ["policy neighbours", asked],
    enabled: good,
    placeholderData: (before) => before,
    queryFn: async () => {
      const pages = new Map<number, Promise<Schemas["PolicyPage"]>>();
      const read = (page: number) => {
        const known = pages.get(page) ?? readPage(page);
        pages.set(page, known);
        return known;
      };
      const { total, total_capped: capped } = await read(1);
      return capped || total > NUMBERED ? null : neighbours(asked, SIZE, read);
    },
  });
  if (!good) {
    return null;
  }
  if (query.isError) {
    return <Problem error={query.error} retry={() => void query.refetch()} />;
  }
  if (query.data === undefined) {
    return <Loader size="xs" aria-label={t.loading} />;
  }
  if (query.data === null) {
    return (
      <Text size="sm" c="dimmed">
        {words.far}
      </Text>
    );
  }
  const { before, after, place: n, of } = query.data;
  return (
    <Stack gap={0}>
      <Text size="sm">{words.place(n, of)}</Text>
      <Neighbour label={words.before} none={words.first} policy={before} />
      <Neighbour label={words.after} none={words.last} policy={after} />
    </Stack>
  );
}

async function readPage(page: number): Promise<Schemas["PolicyPage"]> {
  const query = { in_force: true, sort: "priority", page, page_size: SIZE } as const;
  const { data } = await client.GET("/admin/policies", { params: { query } });
  return data as Schemas["PolicyPage"];
}

function Neighbour({ label, none, policy }: { label: string; none: string; policy: Asked }) {
  return (
    <Text size="sm" c="dimmed">
      {policy === undefined ? (
        none
      ) : (
        <>
          {label}{" "}
          <Anchor component={Link} to={to.policy(policy.id)} target="_blank" inherit>
            {words.one(policy.name, policy.priority, t.effects[policy.effect])}
          </Anchor>
        </>
      )}
    </Text>
  );
}
