import { Box, Button, Checkbox, Group, Skeleton, Table, UnstyledButton, VisuallyHidden } from "@mantine/core";
import { IconArrowDown, IconArrowUp, IconArrowsSort } from "@tabler/icons-react";
import type { ReactNode } from "react";

import { t } from "../text/common.ts";
import { Empty } from "./Empty.tsx";
import { Pager, type PageOf } from "./Pager.tsx";
import { PastEnd } from "./PastEnd.tsx";
import { Problem } from "./Problem.tsx";
import type { useListState } from "./useListState.ts";

export interface Column<T> {
  readonly key: string;
  readonly title: string;
  readonly render: (row: T) => ReactNode;
  /** The API's name of the order, where the table can be sorted by it. */
  readonly sort?: string;
  /** Left out on narrower screens than this. */
  readonly from?: "xs" | "sm" | "md" | "lg" | "xl";
  readonly align?: "left" | "right";
  readonly width?: number | string;
  /** The title is only for those who read by ear: what is below says it to all others. */
  readonly unseen?: boolean;
}

/**
 * A page of one of the API's lists, whose state is in the URL. Not mantine-datatable: its sortable
 * headers are buttons to a screen reader instead of headers, and do not say how they sort.
 */
export function DataTable<T extends { id: string }>({
  label,
  columns,
  query,
  list,
  nameOf,
  selected,
  onSelect,
  empty,
  usualSort,
}: {
  /** What the table is of, for those who cannot see it. */
  label: string;
  columns: readonly Column<T>[];
  query: { data: PageOf<T> | undefined; error: unknown; isFetching: boolean; refetch: () => unknown };
  list: ReturnType<typeof useListState>;
  nameOf: (row: T) => string;
  /** The ids of selected rows, where rows can be selected. */
  selected?: readonly string[];
  onSelect?: (ids: string[]) => void;
  /** Shown where there is nothing at all, filters aside. */
  empty: ReactNode;
  /** The order where none is chosen. */
  usualSort?: string;
}) {
  if (query.error !== null && query.data === undefined) {
    return <Problem error={query.error} retry={() => void query.refetch()} />;
  }
  const rows = query.data?.items;
  if (rows?.length === 0) {
    if (!list.atFirst) {
      return <PastEnd list={list} />;
    }
    return list.filtered ? (
      <Empty title={t.noMatches}>
        <Button variant="default" onClick={() => list.set(clearing(list.filters))}>
          {t.clearFilters}
        </Button>
      </Empty>
    ) : (
      empty
    );
  }
  const chosen = new Set(selected);
  const here = rows?.map((row) => row.id) ?? [];
  const all = here.length > 0 && here.every((id) => chosen.has(id));
  const some = here.some((id) => chosen.has(id));
  const toggle = (ids: string[], on: boolean) => {
    const rest = [...chosen].filter((id) => !ids.includes(id));
    onSelect?.(on ? [...rest, ...ids] : rest);
  };
  return (
    <Box aria-busy={query.isFetching}>
      <Table.ScrollContainer minWidth={0} type="native" tabIndex={0} aria-label={label} role="region">
        <Table verticalSpacing="xs" highlightOnHover aria-label={label}>
          <Table.Thead>
            <Table.Tr>
              {onSelect !== undefined && (
                <Table.Th w={40}>
                  <Checkbox
                    aria-label={t.selectAll}
                    checked={all}
                    indeterminate={some && !all}
                    onChange={(event) => toggle(here, event.currentTarget.checked)}
                  />
                </Table.Th>
              )}
              {columns.map((column) => (
                <Header key={column.key} column={column} sort={list.sort ?? usualSort} onSort={(sort) => list.set({ sort })} />
              ))}
            </Table.Tr>
          </Table.Thead>
          <Table.Tbody>
            {rows === undefined
              ? Array.from({ length: 8 }, (_, n) => (
                  <Table.Tr key={n}>
                    <Table.Td colSpan={columns.length + 1}>
                      <Skeleton height={20} />
                    </Table.Td>
                  </Table.Tr>
                ))
              : rows.map((row) => (
                  <Table.Tr key={row.id} data-selected={chosen.has(row.id) || undefined}>
                    {onSelect !== undefined && (
                      <Table.Td>
                        <Checkbox
                          aria-label={t.select(nameOf(row))}
                          checked={chosen.has(row.id)}
                          onChange={(event) => toggle([row.id], event.currentTarget.checked)}
                        />
                      </Table.Td>
                    )}
                    {columns.map((column) => (
                      <Table.Td key={column.key} ta={column.align} visibleFrom={column.from}>
                        {column.render(row)}
                      </Table.Td>
                    ))}
                  </Table.Tr>
                ))}
          </Table.Tbody>
        </Table>
      </Table.ScrollContainer>
      {query.data !== undefined && <Pager page={query.data} list={list} />}
    </Box>
  );
}

function clearing(filters: Readonly<Record<string, string>>) {
  return Object.fromEntries([...Object.keys(filters), "q"].map((name) => [name, null]));
}

/** A heading is one word, which is not cut in two where there is little room. */
const WHOLE = { overflowWrap: "normal" } as const;

function Header<T>({
  column,
  sort,
  onSort,
}: {
  column: Column<T>;
  sort: string | undefined;
  onSort: (sort: string) => void;
}) {
  const { title, sort: own } = column;
  if (own === undefined) {
    return (
      <Table.Th ta={column.align} visibleFrom={column.from} w={column.width} style={WHOLE}>
        {column.unseen === true ? <VisuallyHidden>{title}</VisuallyHidden> : title}
      </Table.Th>
    );
  }
  const up = sort === own;
  const down = sort === `-${own}`;
  const Icon = up ? IconArrowUp : down ? IconArrowDown : IconArrowsSort;
  return (
    <Table.Th
      ta={column.align}
      visibleFrom={column.from}
      w={column.width}
      style={WHOLE}
      aria-sort={up ? "ascending" : down ? "descending" : "none"}
    >
      <UnstyledButton fz="sm" fw={700} onClick={() => onSort(up ? `-${own}` : own)}>
        <Group gap={4} wrap="nowrap">
          {title}
          <Icon size={14} aria-hidden opacity={up || down ? 1 : 0.5} />
        </Group>
      </UnstyledButton>
    </Table.Th>
  );
}
