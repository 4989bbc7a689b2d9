// Rows that differ between two versions, for the grid: a page at a time, as they are and as they were.
import { useQueries, useQueryClient } from "@tanstack/react-query";
import { useCallback, useEffect, useMemo, useState } from "react";
import { answer, api, type Cell, type Diff, type DiffRow, type VersionName } from "../api/client";
import type { Row } from "./blocks";
import { COPY_ROWS, PAGE, type RowSet } from "./rows";

export type ChangeKind = "removed" | "added" | "changed";

/** What became of a cell; `absent`: the version of its row has no such column. */
export type CellMark = "same" | "changed" | "added" | "removed" | "absent";

/** What became of a row, and of each of its cells by the column's place. */
export interface RowMark {
  kind: ChangeKind;
  cells: CellMark[];
  before: (Cell | null)[] | null;
}

interface Marked {
  cells: (Cell | null)[];
  mark: RowMark;
}

export interface DiffRowSet extends RowSet {
  markAt: (row: number) => RowMark | undefined;
  /** The same, fetched where it is not here. */
  fetchMark: (row: number) => Promise<RowMark | undefined>;
}

interface Target {
  tableId: string;
  from: VersionName;
  until: VersionName;
  kind: ChangeKind | null;
}

const SETTLE = 60;

export function useDiffRows({ tableId, from, until, kind }: Target, diff: Diff): DiffRowSet {
  const client = useQueryClient();
  const total = kind ? diff[kind] : diff.added + diff.removed + diff.changed;
  const scope = JSON.stringify([tableId, from, until, kind]);
  const { columns } = diff;
  const page = useCallback(
    (at: number) => ({
      queryKey: ["diff-rows", scope, at],
      queryFn: async ({ signal }: { signal: AbortSignal }): Promise<Marked[]> => {
        const [id, from, to, kind] = JSON.parse(scope) as [
          string,
          VersionName,
          VersionName,
          ChangeKind | null,
        ];
        const rows: Marked[] = [];
        const end = Math.min(PAGE, total - at * PAGE);
        // An answer has a budget: it may hold fewer rows than were asked for.
        while (rows.length < end) {
          const query = {
            from,
            to,
            change: kind ?? undefined,
            offset: at * PAGE + rows.length,
            limit: end - rows.length,
          };
          const params = { path: { id }, query };
          const part = await answer(api.GET("/api/v1/tables/{id}/diff/rows", { params, signal }));
          if (part.rows.length === 0) break;
          rows.push(...part.rows.map((row) => marked(row, columns)));
        }
        return rows;
      },
      staleTime: Number.POSITIVE_INFINITY,
      gcTime: 60_000,
    }),
    [scope, total, columns],
  );

  const [wanted, setWanted] = useState({ first: 0, end: Math.min(1, Math.ceil(total / PAGE)) });
  const [settled, setSettled] = useState(wanted);
  useEffect(() => {
    const timer = setTimeout(() => setSettled(wanted), SETTLE);
    return () => clearTimeout(timer);
  }, [wanted]);
  const onVisible = useCallback((first: number, end: number) => {
    const next = { first: Math.floor(first / PAGE), end: Math.ceil(end / PAGE) };
    setWanted((old) => (old.first === next.first && old.end === next.end ? old : next));
  }, []);
  const last = Math.ceil(total / PAGE);
  const inSight = Array.from(
    { length: Math.max(0, Math.min(settled.end, last) - settled.first) },
    (_, at) => settled.first + at,
  );
  const pages = useQueries({ queries: inSight.map(page) });
  const failed = pages.findIndex((one) => one.isError);

  const at = useCallback(
    (row: number) =>
      client.getQueryData<Marked[]>(["diff-rows", scope, Math.floor(row / PAGE)])?.[row % PAGE],
    [client, scope],
  );
  const ensure = useCallback(
    async (first: number, end: number) => {
      if (end - first > COPY_ROWS) return false;
      for (let one = Math.floor(first / PAGE); one < Math.ceil(end / PAGE); one += 1) {
        await client.ensureQueryData(page(one));
      }
      return true;
    },
    [client, page],
  );
  const shown = useMemo(() => columns.map(gridColumn), [columns]);
  return {
    scope,
    columns: shown,
    total,
    rowAt: (row): Row | undefined => at(row)?.cells,
    markAt: (row) => at(row)?.mark,
    fetchMark: async (row) => (await client.ensureQueryData(page(Math.floor(row / PAGE))))[row % PAGE]?.mark,
    cellsOf: () => [],
    onVisible,
    read: async () => [],
    ensure,
    error: null,
    failed: failed < 0 ? null : { row: (inSight[failed] ?? 0) * PAGE, error: pages[failed]?.error },
    retry: () => {
      for (const one of pages) if (one.isError) void one.refetch();
    },
    fetching: pages.some((one) => one.isLoading),
  };
}

type DiffColumn = Diff["columns"][number];

export function marked({ change, before, after }: DiffRow, columns: DiffColumn[]): Marked {
  const of = (column: DiffColumn, at: number): CellMark => {
    if (change === "added") return column.change === "removed" ? "absent" : "same";
    if (change === "removed") return column.change === "added" ? "absent" : "same";
    if (column.change === "added" || column.change === "removed") return column.change;
    return JSON.stringify(before?.[at]) === JSON.stringify(after?.[at]) ? "same" : "changed";
  };
  const cells = columns.map((column, at) => {
    const side = after === null || (before !== null && column.change === "removed") ? before : after;
    return side?.[at] ?? null;
  });
  return { cells, mark: { kind: change, cells: columns.map(of), before } };
}

/** A name of its own for each: a column that is gone may be called as one that came. */
function gridColumn(column: DiffColumn, at: number, all: DiffColumn[]) {
  const twice =
    column.change === "removed" && all.some((other, place) => place !== at && other.name === column.name);
  return {
    name: twice ? `${column.name} (removed)` : column.name,
    pg_type: column.pg_type ?? column.pg_type_before ?? "",
    type: "",
    position: at + 1,
    nullable: true,
    order: "type" as const,
    collation: null,
  };
}

/** What happened to a column itself, in words; empty where nothing did. */
export function columnNote({ change, name, name_before, pg_type, pg_type_before }: DiffColumn): string {
  if (change === "added") return "added";
  if (change === "removed") return "removed";
  if (change === null) return "";
  return [name_before !== name && `was ${name_before}`, pg_type_before !== pg_type && `was ${pg_type_before}`]
    .filter(Boolean)
    .join(", ");
}

/** The changes of a row as places in the grid, in the order of its columns; a row that came or went is one. */
export function stopsOf(mark: RowMark, places: readonly number[]): number[] {
  if (mark.kind !== "changed") return [0];
  const stops = places.flatMap((at, col) => (mark.cells[at] === "changed" ? [col] : []));
  // What differs is in a column that is not shown.
  return stops.length > 0 ? stops : [0];
}
