// The rows of one version, sorted and filtered, a page at a time. They never change, so TanStack Query keeps them.
import {
  CancelledError,
  keepPreviousData,
  useQueries,
  useQuery,
  useQueryClient,
} from "@tanstack/react-query";
import { useCallback, useEffect, useRef, useState } from "react";
import { answer, api, type Cell, type Column, type VersionName } from "../api/client";
import { blockSize, blocksOf, merged, type Row } from "./blocks";
import { type Filter, formatFilter, formatSort, joinWords, type Sort } from "./view";

/** Few enough that a page of wide rows comes quickly; what is in sight is two of them at most. */
export const PAGE = 64;
/** A page that was in sight for less than this on the way elsewhere is not asked for, ms. */
const SETTLE = 60;
/** Rows that are copied at most: what fits into a spreadsheet's patience. */
export const COPY_ROWS = 100_000;
/** A page of rows that nobody looks at is kept for so long, ms. */
const KEEP = 60_000;
/** One that is fetched to be copied: until the last of them is here, over a slow network too, ms. */
const COPY_KEEP = 600_000;
/** So many pages are asked for at the same time. */
const PAGES_AT_ONCE = 4;

export interface RowSet {
  /** What the rows are rows of: until the first of a new sort or filter are here, still that before. */
  scope: string;
  /** Those of the version; null until they are known. */
  columns: Column[] | null;
  /** null until the first answer. */
  total: number | null;
  /** By the columns' places in the table; undefined, as a whole or a cell of it: not here yet. */
  rowAt: (row: number) => Row | undefined;
  /** All cells of a column that are here. */
  cellsOf: (at: number) => Iterable<Cell | null | undefined>;
  /** The rows in sight, and the places of the columns in sight. */
  onVisible: (first: number, end: number, places: number[]) => void;
  /** Rows that are kept nowhere, with these columns; fewer than asked for where an answer has no room for more. */
  read: (offset: number, limit: number, signal: AbortSignal, places: number[]) => Promise<Row[]>;
  /** Fetches what is to be copied; false if that is too much. */
  ensure: (first: number, end: number, places: number[]) => Promise<boolean>;
  /** Why not even the first page could be had. */
  error: unknown;
  /** A page in sight that could not be had: its first row, and why. */
  failed: { row: number; error: unknown } | null;
  retry: () => void;
  fetching: boolean;
}

interface Part {
  total: number;
  rows: (Cell | null)[][];
}

/** So many columns are named in an address; more are asked for as all. */
const MAX_NAMED = 200;
/** So many pages are kept put together. */
const MERGED_PAGES = 32;

/** `columns`: those of the version; null while they are not known, and nothing is asked for. */
export function useRows(
  tableId: string,
  columns: Column[] | null,
  version: VersionName,
  sort: Sort[],
  filter: Filter[],
): RowSet {
  const client = useQueryClient();
  const query = { version, sort: formatSort(sort) || undefined, filter: filter.map(formatFilter) };
  const scope = JSON.stringify([tableId, query]);
  const names = JSON.stringify(columns?.map(({ name }) => name) ?? []);
  const width = columns?.length ?? 0;

  const ask = useCallback(
    async (offset: number, limit: number, signal: AbortSignal, wanted: string[] | null) => {
      const [id, parameters] = JSON.parse(scope) as [string, typeof query];
      const params = {
        path: { id },
        query: { ...parameters, offset, limit, columns: wanted ? joinWords(wanted) : undefined },
      };
      return answer(api.GET("/api/v1/tables/{id}/rows", { params, signal }));
    },
    [scope],
  );
  const page = useCallback(
    (at: number, block: number) => {
      const all = JSON.parse(names) as string[];
      const size = blockSize(all.length);
      const wanted = size < all.length ? all.slice(block * size, (block + 1) * size) : null;
      return {
        queryKey: ["rows", scope, at, block],
        queryFn: async ({ signal }: { signal: AbortSignal }): Promise<Part> => {
          const first = at * PAGE;
          const page = await ask(first, PAGE, signal, wanted);
          const end = Math.min(PAGE, page.total - first);
          // An answer has a budget: of a very wide table it holds fewer rows than were asked for.
          while (page.rows.length < end) {
            const { rows } = await ask(first + page.rows.length, end - page.rows.length, signal, wanted);
            if (rows.length === 0) break;
            page.rows.push(...rows);
          }
          return { total: page.total, rows: page.rows };
        },
        staleTime: Number.POSITIVE_INFINITY,
        gcTime: KEEP,
      };
    },
    [scope, names, ask],
  );

  // The first page says how many rows there are; with filters nothing else does.
  const head = useQuery({ ...page(0, 0), placeholderData: keepPreviousData, enabled: columns !== null });
  const total = head.data ? head.data.total : null;
  // Old rows stay in sight while new ones come, with the columns that were theirs.
  const [shown, setShown] = useState({ scope, columns });
  const here = head.data && !head.isPlaceholderData;
  if (here && shown.scope !== scope) setShown({ scope, columns });
  const current = shown.scope === scope ? columns : shown.columns;
  const shownWidth = current?.length ?? 0;

  const [wanted, setWanted] = useState({ scope, first: 0, end: 0, blocks: "[0]" });
  const [settled, setSettled] = useState(wanted);
  useEffect(() => {
    const timer = setTimeout(() => setSettled(wanted), SETTLE);
    return () => clearTimeout(timer);
  }, [wanted]);
  const onVisible = useCallback(
    (first: number, end: number, places: number[]) => {
      const next = {
        scope,
        first: Math.floor(first / PAGE),
        end: Math.ceil(end / PAGE),
        blocks: JSON.stringify(blocksOf(places, width)),
      };
      setWanted((old) => (JSON.stringify(old) === JSON.stringify(next) ? old : next));
    },
    [scope, width],
  );

  const now = settled.scope === scope && columns !== null;
  const from = now ? settled.first : 0;
  const to = now ? settled.end : 0;
  const blocks = now ? (JSON.parse(settled.blocks) as number[]) : [];
  const inSight = Array.from({ length: Math.max(0, to - from) }, (_, at) =>
    blocks.map((block) => ({ at: from + at, block })),
  ).flat();
  const pages = useQueries({ queries: inSight.map(({ at, block }) => page(at, block)) });
  const failed = pages.findIndex((one) => one.isError);

  const together = useRef(new Map<string, { parts: (Part | undefined)[]; rows: Row[] }>());
  const rowAt = useCallback(
    (row: number): Row | undefined => {
      const at = Math.floor(row / PAGE);
      const part = (block: number) => client.getQueryData<Part>(["rows", shown.scope, at, block]);
      const size = blockSize(shownWidth);
      if (size >= shownWidth) return part(0)?.rows[row - at * PAGE];
      const parts = Array.from({ length: Math.ceil(shownWidth / size) }, (_, block) => part(block));
      const key = `${at} ${shown.scope}`;
      let page = together.current.get(key);
      if (!page || page.parts.some((one, block) => one !== parts[block])) {
        page = {
          parts,
          rows: merged(
            parts.map((one) => one?.rows),
            shownWidth,
          ),
        };
        if (together.current.size >= MERGED_PAGES) together.current.clear();
        together.current.set(key, page);
      }
      return page.rows[row - at * PAGE];
    },
    [client, shown, shownWidth],
  );
  const cellsOf = useCallback(
    (at: number) => {
      const size = blockSize(shownWidth);
      const block = Math.floor(at / size);
      return client
        .getQueriesData<Part>({ queryKey: ["rows", shown.scope] })
        .filter(([key]) => key[3] === block)
        .flatMap(([, data]) => data?.rows.map((cells) => cells[at - block * size]) ?? []);
    },
    [client, shown, shownWidth],
  );
  const ensure = useCallback(
    async (first: number, end: number, places: number[]) => {
      if (end - first > COPY_ROWS) return false;
      const fetchPage = async (at: number, block: number): Promise<void> => {
        try {
          await client.ensureQueryData({ ...page(at, block), gcTime: COPY_KEEP });
        } catch (error) {
          // The grid went elsewhere and called its request off: then it is ours.
          if (!(error instanceof CancelledError)) throw error;
          await fetchPage(at, block);
        }
      };
      const wanted = blocksOf(places, width);
      const numbers = Array.from(
        { length: Math.ceil(end / PAGE) - Math.floor(first / PAGE) },
        (_, at) => Math.floor(first / PAGE) + at,
      ).flatMap((at) => wanted.map((block) => ({ at, block })));
      for (let at = 0; at < numbers.length; at += PAGES_AT_ONCE) {
        await Promise.all(numbers.slice(at, at + PAGES_AT_ONCE).map((one) => fetchPage(one.at, one.block)));
      }
      return true;
    },
    [client, page, width],
  );
  const read = useCallback(
    async (offset: number, limit: number, signal: AbortSignal, places: number[]) => {
      const all = JSON.parse(names) as string[];
      const some = places.length < all.length && places.length <= MAX_NAMED;
      const wanted = some ? places.flatMap((at) => all[at] ?? []) : null;
      const { rows } = await ask(offset, limit, signal, wanted);
      if (!some) return rows;
      return rows.map((cells) => {
        const row: Row = new Array(all.length);
        places.forEach((at, index) => {
          row[at] = cells[index];
        });
        return row;
      });
    },
    [ask, names],
  );

  return {
    scope: shown.scope,
    columns: current,
    total,
    rowAt,
    cellsOf,
    onVisible,
    read,
    ensure,
    error: head.error,
    failed:
      failed >= 0 && !head.isError
        ? { row: (inSight[failed]?.at ?? 0) * PAGE, error: pages[failed]?.error }
        : null,
    retry: () => {
      if (head.isError) void head.refetch();
      for (const one of pages) if (one.isError) void one.refetch();
    },
    fetching: head.isPlaceholderData || pages.some((one) => one.isLoading),
  };
}

/** The columns of a version that is not the newest; `known` are those of the newest. */
export function useColumns(tableId: string, version: VersionName, known: Column[] | null) {
  const query = useQuery({
    queryKey: ["columns-of-version", tableId, version],
    queryFn: () =>
      answer(
        api.GET("/api/v1/tables/{id}/rows", {
          params: { path: { id: tableId }, query: { version, limit: 1 } },
        }),
      ),
    enabled: known === null,
    staleTime: Number.POSITIVE_INFINITY,
  });
  return { columns: known ?? query.data?.columns ?? null, rows: query.data?.total, error: query.error };
}

/** Rows that are all here already. */
export function localRows(rows: (Cell | null)[][]): RowSet {
  return {
    scope: "",
    columns: null,
    total: rows.length,
    rowAt: (row) => rows[row],
    cellsOf: (at) => rows.map((cells) => cells[at]),
    onVisible: () => undefined,
    read: async (offset, limit) => rows.slice(offset, offset + limit),
    ensure: async () => true,
    error: null,
    failed: null,
    retry: () => undefined,
    fetching: false,
  };
}
