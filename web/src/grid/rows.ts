// The rows of one version, sorted and filtered, a page at a time. They never change, so TanStack Query keeps them.
import { keepPreviousData, useQueries, useQuery, useQueryClient } from "@tanstack/react-query";
import { useCallback, useEffect, useState } from "react";
import { answer, api, type Cell, type Column } from "../api/client";
import { type Filter, formatFilter, formatSort, type Sort } from "./view";

export const PAGE = 200;
/** A page that was in sight for less than this on the way elsewhere is not asked for, ms. */
const SETTLE = 60;
/** Rows that are copied at most: what fits into a spreadsheet's patience. */
export const COPY_ROWS = 100_000;
/** So many pages are asked for at the same time. */
const PAGES_AT_ONCE = 4;

export interface RowSet {
  /** What the rows are rows of: until the first of a new sort or filter are here, still that before. */
  scope: string;
  /** Those of the version; null until the first answer. */
  columns: Column[] | null;
  /** null until the first answer. */
  total: number | null;
  /** undefined: not here yet. */
  rowAt: (row: number) => (Cell | null)[] | undefined;
  /** All that are here. */
  seen: () => Iterable<(Cell | null)[]>;
  onVisible: (first: number, end: number) => void;
  /** Rows that are kept nowhere; fewer than asked for where an answer has no room for more. */
  read: (offset: number, limit: number, signal: AbortSignal) => Promise<(Cell | null)[][]>;
  /** Fetches rows that are to be copied; false if they are too many. */
  ensure: (first: number, end: number) => Promise<boolean>;
  /** Why not even the first page could be had. */
  error: unknown;
  /** A page in sight that could not be had: its first row, and why. */
  failed: { row: number; error: unknown } | null;
  retry: () => void;
  fetching: boolean;
}

export function useRows(tableId: string, version: number, sort: Sort[], filter: Filter[]): RowSet {
  const client = useQueryClient();
  const query = { version, sort: formatSort(sort) || undefined, filter: filter.map(formatFilter) };
  const scope = JSON.stringify([tableId, query]);
  const page = useCallback(
    (at: number) => {
      const [id, parameters] = JSON.parse(scope) as [string, typeof query];
      return {
        queryKey: ["rows", scope, at],
        queryFn: async ({ signal }: { signal: AbortSignal }) => {
          const part = (offset: number, limit: number) =>
            answer(
              api.GET("/api/v1/tables/{id}/rows", {
                params: { path: { id }, query: { ...parameters, offset, limit } },
                signal,
              }),
            );
          const first = at * PAGE;
          const page = await part(first, PAGE);
          const end = Math.min(PAGE, page.total - first);
          // An answer has a budget: of a very wide table it holds fewer rows than were asked for.
          while (page.rows.length < end) {
            const { rows } = await part(first + page.rows.length, end - page.rows.length);
            if (rows.length === 0) break;
            page.rows.push(...rows);
          }
          return page;
        },
        staleTime: Number.POSITIVE_INFINITY,
        gcTime: 60_000,
      };
    },
    [scope],
  );

  // The first page says how many rows there are; with filters nothing else does.
  const head = useQuery({ ...page(0), placeholderData: keepPreviousData });
  const total = head.data ? head.data.total : null;
  // Old rows stay in sight while new ones come.
  const [shown, setShown] = useState(scope);
  const here = head.data && !head.isPlaceholderData;
  if (here && shown !== scope) setShown(scope);

  const [wanted, setWanted] = useState({ scope, first: 0, end: 0 });
  const [settled, setSettled] = useState(wanted);
  useEffect(() => {
    const timer = setTimeout(() => setSettled(wanted), SETTLE);
    return () => clearTimeout(timer);
  }, [wanted]);
  const onVisible = useCallback(
    (first: number, end: number) => {
      const next = { scope, first: Math.floor(first / PAGE), end: Math.ceil(end / PAGE) };
      setWanted((old) =>
        old.scope === scope && old.first === next.first && old.end === next.end ? old : next,
      );
    },
    [scope],
  );

  const from = settled.scope === scope ? settled.first : 0;
  const to = settled.scope === scope ? settled.end : 0;
  const pages = useQueries({
    queries: Array.from({ length: Math.max(0, to - from) }, (_, at) => page(from + at)),
  });
  const failed = pages.findIndex((one) => one.isError);

  const rowAt = useCallback(
    (row: number) => {
      const at = Math.floor(row / PAGE);
      const data = client.getQueryData<{ rows: (Cell | null)[][] }>(["rows", shown, at]);
      return data?.rows[row - at * PAGE];
    },
    [client, shown],
  );
  const seen = useCallback(
    () =>
      client
        .getQueriesData<{ rows: (Cell | null)[][] }>({ queryKey: ["rows", shown] })
        .flatMap(([, data]) => data?.rows ?? []),
    [client, shown],
  );
  const ensure = useCallback(
    async (first: number, end: number) => {
      if (end - first > COPY_ROWS) return false;
      const numbers = Array.from(
        { length: Math.ceil(end / PAGE) - Math.floor(first / PAGE) },
        (_, at) => Math.floor(first / PAGE) + at,
      );
      for (let at = 0; at < numbers.length; at += PAGES_AT_ONCE) {
        await Promise.all(
          numbers.slice(at, at + PAGES_AT_ONCE).map((one) => client.ensureQueryData(page(one))),
        );
      }
      return true;
    },
    [client, page],
  );
  const read = useCallback(
    async (offset: number, limit: number, signal: AbortSignal) => {
      const [id, parameters] = JSON.parse(scope) as [string, typeof query];
      const params = { path: { id }, query: { ...parameters, offset, limit } };
      return (await answer(api.GET("/api/v1/tables/{id}/rows", { params, signal }))).rows;
    },
    [scope],
  );

  return {
    scope: shown,
    columns: head.data?.columns ?? null,
    total,
    rowAt,
    seen,
    onVisible,
    read,
    ensure,
    error: head.error,
    failed:
      failed >= 0 && !head.isError ? { row: (from + failed) * PAGE, error: pages[failed]?.error } : null,
    retry: () => {
      if (head.isError) void head.refetch();
      for (const one of pages) if (one.isError) void one.refetch();
    },
    fetching: head.isPlaceholderData || pages.some((one) => one.isLoading),
  };
}

/** Rows that are all here already. */
export function localRows(rows: (Cell | null)[][]): RowSet {
  return {
    scope: "",
    columns: null,
    total: rows.length,
    rowAt: (row) => rows[row],
    seen: () => rows,
    onVisible: () => undefined,
    read: async (offset, limit) => rows.slice(offset, offset + limit),
    ensure: async () => true,
    error: null,
    failed: null,
    retry: () => undefined,
    fetching: false,
  };
}
