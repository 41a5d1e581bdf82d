/** Lists as a whole, where no single question answers what is asked of them. */

/** The API's largest page. */
export const PAGE = 200;
/** So many are read at most. */
export const MOST = 1_000;

interface Page<T> {
  readonly items: T[];
  readonly total: number;
  readonly next?: string | null;
}

export interface List<T> {
  readonly items: T[];
  /** How many there are, also where not all were read. */
  readonly total: number;
  /** Whether these are all. */
  readonly whole: boolean;
}

/** The pages of a list one after the other, up to {@link MOST}. */
export async function allOf<T>(
  read: (page: { page_size: number; after?: string }) => Promise<{ data?: Page<T> }>,
): Promise<List<T>> {
  const items: T[] = [];
  let total = 0;
  let after: string | undefined;
  do {
    const { data } = await read({ page_size: PAGE, ...(after === undefined ? {} : { after }) });
    items.push(...(data?.items ?? []));
    total = Math.max(data?.total ?? 0, items.length);
    after = data?.next ?? undefined;
  } while (after !== undefined && items.length < MOST);
  return { items, total, whole: after === undefined };
}
