// How the tables of a Model refer to one another, and where that leads from a row.
import { $api, type Cell, type Model, type Relation } from "../api/client";
import { filterByValue, formatFilter } from "../grid/view";
import { to } from "../routes";

export function useRelations(model: Model): Relation[] {
  // Who sees one table alone sees nothing of its Model.
  const { data } = $api.useQuery(
    "get",
    "/api/v1/models/{id}/relations",
    { params: { path: { id: model.id } } },
    { enabled: model.name !== "" },
  );
  return data?.items ?? [];
}

export interface Way {
  /** The table that it leads to. */
  table: string;
  /** The columns there. */
  columns: string[];
  href: string;
}

/** The rows of a table in which these columns have these values; null where one has none that can be asked for. */
function rowsWith(
  model: string,
  table: string,
  columns: string[],
  cells: (Cell | null | undefined)[],
): Way | null {
  const filters = columns.map((column, at) => {
    const cell = cells[at];
    return typeof cell === "string" ? filterByValue(column, cell) : null;
  });
  if (filters.length === 0 || filters.some((filter) => filter === null)) return null;
  const search = new URLSearchParams({ table });
  for (const filter of filters) if (filter) search.append("f", formatFilter(filter));
  return { table, columns, href: `${to.model(model)}?${search}` };
}

/** From a column of a row to the rows that it refers to. */
export const waysTo = (
  relations: Relation[],
  model: string,
  table: string,
  column: string,
  cellOf: (column: string) => Cell | null | undefined,
): Way[] =>
  relations
    .filter((one) => one.table_id === table && one.to_table_id !== null && one.columns.includes(column))
    .flatMap((one) => rowsWith(model, one.to_table_id ?? "", one.to_columns, one.columns.map(cellOf)) ?? []);

/** From a row to the rows that refer to it. */
export const waysFrom = (
  relations: Relation[],
  model: string,
  table: string,
  cellOf: (column: string) => Cell | null | undefined,
): Way[] =>
  relations
    .filter((one) => one.to_table_id === table)
    .flatMap((one) => rowsWith(model, one.table_id, one.columns, one.to_columns.map(cellOf)) ?? []);

export interface Box {
  /** The table's id, or a name for one that is not in the Model. */
  id: string;
  /** Columns by which it refers and is referred to. */
  columns: string[];
  /** Not in the Model: a row below the columns says so. */
  outside: boolean;
  x: number;
  y: number;
  height: number;
}

export const BOX_WIDTH = 208;
export const BOX_HEAD = 36;
export const BOX_ROW = 24;
const GAP_X = 96;
const GAP_Y = 24;

/** What is referred to stands to the left of what refers to it; those that have no relation are left out. */
export function boxesOf(relations: Relation[]): Box[] {
  const columns = new Map<string, string[]>();
  const add = (id: string, names: string[]) => {
    columns.set(id, [...new Set([...(columns.get(id) ?? []), ...names])]);
  };
  for (const one of relations) {
    add(targetOf(one), one.to_columns);
    add(one.table_id, one.columns);
  }
  const level = new Map([...columns.keys()].map((id) => [id, 0]));
  // As often as there are tables at most, so that a circle of references ends.
  for (let turn = 0; turn < columns.size; turn += 1) {
    let moved = false;
    for (const one of relations) {
      const [from, target] = [one.table_id, targetOf(one)];
      const next = (level.get(target) ?? 0) + 1;
      if (from === target || (level.get(from) ?? 0) >= next || next >= columns.size) continue;
      level.set(from, next);
      moved = true;
    }
    if (!moved) break;
  }
  // As near to what refers to it as can be: a line does not pass behind the tables between.
  for (const [id, at] of [...level].sort(([, a], [, b]) => b - a)) {
    const referring = relations.filter((one) => targetOf(one) === id && one.table_id !== id);
    const nearest = Math.min(...referring.map((one) => level.get(one.table_id) ?? 0)) - 1;
    if (Number.isFinite(nearest) && nearest > at) level.set(id, nearest);
  }
  const outside = new Set(relations.filter((one) => one.to_table_id === null).map(targetOf));
  const ends = new Map<number, number>();
  return [...columns].map(([id, names]) => {
    const at = level.get(id) ?? 0;
    const y = ends.get(at) ?? 0;
    const rows = names.length + (outside.has(id) ? 1 : 0);
    const height = BOX_HEAD + rows * BOX_ROW + 8;
    ends.set(at, y + height + GAP_Y);
    return { id, columns: names, outside: outside.has(id), x: at * (BOX_WIDTH + GAP_X), y, height };
  });
}

/** The id of the box that a relation leads to. */
export const targetOf = ({ to_table_id, to_schema, to_table }: Relation) =>
  to_table_id ?? `${to_schema}.${to_table}`;

/** The line from one column to another, between the sides of their boxes that face each other. */
export function lineOf(from: Box, fromColumn: string, target: Box, toColumn: string | undefined): string {
  const middle = (box: Box, column: string | undefined) => {
    const row = column === undefined ? -1 : box.columns.indexOf(column);
    return box.y + (row < 0 ? BOX_HEAD / 2 : BOX_HEAD + (row + 0.5) * BOX_ROW);
  };
  const [y1, y2] = [middle(from, fromColumn), middle(target, toColumn)];
  // Tables above one another, and a table and itself, are joined on their right.
  if (from.x === target.x) {
    const x = from.x + BOX_WIDTH;
    return `M ${x} ${y1} C ${x + 48} ${y1}, ${x + 48} ${y2}, ${x} ${y2}`;
  }
  const [x1, x2] = from.x > target.x ? [from.x, target.x + BOX_WIDTH] : [from.x + BOX_WIDTH, target.x];
  const middleX = (x1 + x2) / 2;
  return `M ${x1} ${y1} C ${middleX} ${y1}, ${middleX} ${y2}, ${x2} ${y2}`;
}
