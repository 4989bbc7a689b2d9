// Widths, order and pins of columns, and which of them are in sight.
import type { Column } from "../api/client";

export const MIN_WIDTH = 56;
export const MAX_WIDTH = 900;

export interface Placed {
  /** Index among the table's columns: where its cells are in a row. */
  at: number;
  column: Column;
  width: number;
  /** Distance from the first column, px. */
  x: number;
  pinned: boolean;
}

export interface Layout {
  /** Pinned ones first, then the others, each in their order. */
  columns: Placed[];
  pinned: number;
  pinnedWidth: number;
  width: number;
}

const NUMERIC = /^(smallint|integer|bigint|oid|real|double precision|numeric|money)/;

export const isNumeric = (column: Column) => NUMERIC.test(column.pg_type) && !column.pg_type.endsWith("[]");

/** What has to be said about the order of a column, if anything: shown in its menu. */
export function orderNote({ order, collation }: Pick<Column, "order" | "collation">): string | null {
  if (order === "text") return "This type has no order: it sorts by its text";
  if (order === "bytes") {
    return collation ? `Text sorts by its bytes, not by collation ${collation}` : "Text sorts by its bytes";
  }
  return collation && collation !== "C" ? `Sorts by collation ${collation}` : null;
}

/** A width by type and name: what fits most values of the type, and the name with its menu. */
export function defaultWidth({ name, pg_type }: Column): number {
  const byType = /^uuid$/.test(pg_type)
    ? 316
    : /^timestamp/.test(pg_type)
      ? 216
      : /^(boolean|"char")$/.test(pg_type)
        ? 80
        : NUMERIC.test(pg_type) || /^(date|time)/.test(pg_type)
          ? 112
          : 184;
  return Math.min(Math.max(byType, name.length * 8 + 64), 320);
}

export function layout(
  columns: Column[],
  order: readonly string[],
  widths: ReadonlyMap<string, number>,
  pins: ReadonlySet<string>,
): Layout {
  const byName = new Map(columns.map((column, at) => [column.name, { column, at }]));
  const shown = order.flatMap((name) => byName.get(name) ?? []);
  const sorted = [
    ...shown.filter(({ column }) => pins.has(column.name)),
    ...shown.filter(({ column }) => !pins.has(column.name)),
  ];
  let x = 0;
  const placed = sorted.map(({ column, at }) => {
    const width = widths.get(column.name) ?? defaultWidth(column);
    const one = { at, column, width, x, pinned: pins.has(column.name) };
    x += width;
    return one;
  });
  const pinned = placed.filter((one) => one.pinned).length;
  return { columns: placed, pinned, pinnedWidth: placed[pinned]?.x ?? (pinned ? x : 0), width: x };
}

/** Columns in sight that are not pinned: `first` up to but without `end`. */
export function visibleColumns(
  { columns, pinned, pinnedWidth }: Layout,
  left: number,
  view: number,
): { first: number; end: number } {
  const from = left + pinnedWidth;
  const to = left + view;
  let first = pinned;
  while (first < columns.length - 1 && endOf(columns[first]) <= from) first += 1;
  let end = first;
  while (end < columns.length && (columns[end]?.x ?? 0) < to) end += 1;
  return { first, end: Math.max(end, Math.min(first + 1, columns.length)) };
}

const endOf = (placed: Placed | undefined) => (placed ? placed.x + placed.width : 0);

/** `left` so that a column is wholly in sight beside the pinned ones, moved as little as needed. */
export function revealColumn(
  { columns, pinnedWidth }: Layout,
  left: number,
  view: number,
  index: number,
): number {
  const placed = columns[index];
  if (!placed || placed.pinned) return left;
  if (placed.x < left + pinnedWidth) return placed.x - pinnedWidth;
  if (endOf(placed) > left + view) return Math.min(endOf(placed) - view, placed.x - pinnedWidth);
  return left;
}

/** The order after a column changed places with its neighbour. */
export function moved(order: readonly string[], name: string, by: -1 | 1): string[] {
  const from = order.indexOf(name);
  const to = from + by;
  if (from < 0 || to < 0 || to >= order.length) return [...order];
  const next = [...order];
  next.splice(from, 1);
  next.splice(to, 0, name);
  return next;
}

/** Where a column comes that is let go at `x`, px from the first column: before which index. Pinned ones stay among themselves. */
export function dropPlace({ columns, pinned }: Layout, placed: Placed, x: number): number {
  const [low, high] = placed.pinned ? [0, pinned] : [pinned, columns.length];
  let to = low;
  while (to < high && x > (columns[to]?.x ?? 0) + (columns[to]?.width ?? 0) / 2) to += 1;
  return to;
}

/** The order after a column was put before the one at index `to`. */
export function placedBefore(order: readonly string[], name: string, to: number): string[] {
  const before = order.slice(0, to).filter((other) => other !== name);
  return [...before, name, ...order.slice(to).filter((other) => other !== name)];
}
