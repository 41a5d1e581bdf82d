import { Anchor, Modal, Stack, Table, Text } from "@mantine/core";
import { useState } from "react";

import { api, type Schemas } from "../../api/index.ts";
import { Empty } from "../../components/Empty.tsx";
import { Loaded } from "../../components/Loaded.tsx";
import { Older, useSize } from "../../components/Older.tsx";
import { Status } from "../../components/Status.tsx";
import { Time } from "../../components/Time.tsx";
import { gatewaysText } from "../../text/gateways.ts";
import { BundleView } from "./BundleView.tsx";

const words = gatewaysText.bundles;

/** Every bundle that was published to the gateway, and what became of it. */
export function BundlesTab({ id }: { id: string }) {
  const shown = useSize();
  const [open, setOpen] = useState<number>();
  const query = api.useQuery(
    "get",
    "/admin/gateways/{id}/bundles",
    { params: { path: { id }, query: { page_size: shown.size } } },
    { placeholderData: (before) => before, refetchInterval: 5_000 },
  );
  return (
    <Loaded query={query}>
      {({ items, next }) =>
        items.length === 0 ? (
          <Empty title={words.none} text={words.noneHint} />
        ) : (
          <Stack gap="sm" align="flex-start">
            <Text size="sm" c="dimmed">
              {words.intro}
            </Text>
            <Table.ScrollContainer minWidth={0} type="native" tabIndex={0} role="group" aria-label={words.label} maw="100%">
              <Table verticalSpacing="xs" aria-label={words.label}>
                <Table.Thead>
                  <Table.Tr>
                    <Table.Th style={{ whiteSpace: "nowrap" }}>{words.revision}</Table.Th>
                    <Table.Th>{words.published}</Table.Th>
                    <Table.Th>{words.outcome}</Table.Th>
                  </Table.Tr>
                </Table.Thead>
                <Table.Tbody>
                  {items.map((bundle) => (
                    <Table.Tr key={`${bundle.epoch}.${bundle.revision}`}>
                      <Table.Td>
                        <Anchor
                          component="button"
                          type="button"
                          inherit
                          className="nums"
                          aria-label={words.open(bundle.revision)}
                          onClick={() => setOpen(bundle.revision)}
                        >
                          {bundle.revision}
                        </Anchor>
                      </Table.Td>
                      <Table.Td>
                        <Time at={bundle.published_at} ago />
                      </Table.Td>
                      <Table.Td>
                        <Outcome bundle={bundle} />
                      </Table.Td>
                    </Table.Tr>
                  ))}
                </Table.Tbody>
              </Table>
            </Table.ScrollContainer>
            <Older next={next} of={shown} loading={query.isPlaceholderData} />
            <Modal
              opened={open !== undefined}
              onClose={() => setOpen(undefined)}
              size="xl"
              title={open === undefined ? "" : words.title(open)}
            >
              {open !== undefined && <BundleView id={id} revision={open} />}
            </Modal>
          </Stack>
        )
      }
    </Loaded>
  );
}

function Outcome({ bundle }: { bundle: Schemas["PublishedBundle"] }) {
  const { applied_at, rejected_at, rejected_reason } = bundle;
  if (applied_at) {
    return (
      <>
        <Status of="applied" />{" "}
        <Text span size="sm" c="dimmed">
          <Time at={applied_at} ago />
        </Text>
      </>
    );
  }
  if (rejected_at) {
    return (
      <>
        <Status of="rejected" />{" "}
        <Text span size="sm">
          {rejected_reason}
        </Text>
      </>
    );
  }
  return (
    <Text span size="sm" c="dimmed">
      {words.passed}
    </Text>
  );
}
