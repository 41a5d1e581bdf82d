import { Button, Group, Select, Text } from "@mantine/core";
import { IconChevronLeft, IconChevronRight } from "@tabler/icons-react";

import { t } from "../text/common.ts";
import { onward, PAGE_SIZES, type useListState } from "./useListState.ts";

/** A page of one of the API's lists. */
export interface PageOf<T> {
  items: T[];
  page?: number | null | undefined;
  page_size: number;
  total: number;
  total_capped?: boolean | undefined;
  next?: string | null | undefined;
}

/** Goes through the pages of a list, which the URL names. */
export function Pager<T>({ page, list }: { page: PageOf<T>; list: ReturnType<typeof useListState> }) {
  const { page_size: size, total, items, next } = page;
  const numbered = list.filters["after"] === undefined;
  const from = (list.page - 1) * size + 1;
  const back = () => list.go(numbered ? { page: list.page - 1 } : { after: null });
  return (
    <Group justify="space-between" mt="sm" gap="sm">
      <Text size="sm" c="dimmed" className="nums" role="status">
        {numbered ? t.rows(from, from + items.length - 1, total, page.total_capped === true) : ""}
      </Text>
      <Group gap="xs">
        <Select
          size="xs"
          w={76}
          aria-label={t.rowsPerPage}
          data={PAGE_SIZES.map(String)}
          value={String(size)}
          allowDeselect={false}
          onChange={(value) => list.set({ page_size: value })}
        />
        <Button
          size="xs"
          variant="default"
          leftSection={<IconChevronLeft size={14} />}
          disabled={numbered && list.page <= 1}
          onClick={back}
        >
          {numbered ? t.previous : t.first}
        </Button>
        <Button
          size="xs"
          variant="default"
          rightSection={<IconChevronRight size={14} />}
          disabled={!next}
          onClick={() => list.go(onward(list, size, next))}
        >
          {t.next}
        </Button>
      </Group>
    </Group>
  );
}
