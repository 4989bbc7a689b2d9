// What a column holds, as a picture of few bars, and the filter that each bar stands for.
import type { ColumnProfile } from "../api/client";
import { percent, plural, roughly } from "../ui/format";
import { type Filter, filterByValue, formatFilter } from "./view";

export interface Bar {
  /** `rest`: what none of the others is. */
  kind: "range" | "value" | "null" | "rest";
  /** `paid`, `10 to under 20`, `NULL` */
  label: string;
  rows: number;
  /** What finds its rows; none where no filter says it. */
  filters: Filter[];
}

export interface Picture {
  /** `range`: bars of equal width along the order; `values`: one for each value, the rest as one without a filter. */
  shape: "range" | "values" | "none";
  bars: Bar[];
  /** The rows without a value; null where there are none. */
  nulls: Bar | null;
  /** `25 % null · 4 values` */
  caption: string;
}

/** More different numbers than these are shown along their order, fewer each by itself. */
const MAX_VALUES = 10;

/** `name`: the column's. `rows`: of the version. */
export function pictureOf(name: string, column: ColumnProfile, rows: number): Picture {
  const { nulls, distinct_is_exact: isExact, histogram, top } = column;
  const values = rows - nulls;
  const distinct = Math.min(column.distinct, values);
  const repeats = (top[0]?.rows ?? 0) > 1;
  const ordered = histogram.length > 0 && (!isExact || distinct > MAX_VALUES || !repeats);
  const shape = ordered ? "range" : repeats ? "values" : "none";
  const bars =
    shape === "range" ? rangeBars(name, column) : shape === "values" ? valueBars(name, column) : [];
  const counted = bars.reduce((sum, bar) => sum + bar.rows, 0);
  if (counted < values && shape !== "none") {
    bars.push({ kind: "rest", label: "Other values", rows: values - counted, filters: [] });
  }
  return {
    shape,
    bars,
    nulls:
      nulls > 0
        ? {
            kind: "null",
            label: "NULL",
            rows: nulls,
            filters: [{ column: name, operator: "is", value: "null" }],
          }
        : null,
    caption: captionOf(rows, nulls, distinct, isExact),
  };
}

function rangeBars(name: string, { histogram }: ColumnProfile): Bar[] {
  return histogram.map(({ from, to, rows }) => ({
    kind: "range",
    label: `${from} to under ${to}`,
    rows,
    filters: [
      { column: name, operator: "gte", value: from },
      { column: name, operator: "lt", value: to },
    ],
  }));
}

function valueBars(name: string, { top }: ColumnProfile): Bar[] {
  return top.map(({ value, rows }) => ({
    kind: "value",
    label: value === "" ? '""' : value,
    rows,
    filters: [filterByValue(name, value) ?? []].flat(),
  }));
}

function captionOf(rows: number, nulls: number, distinct: number, isExact: boolean): string {
  if (rows === 0) return "no rows";
  if (nulls === rows) return "all null";
  const allDiffer = isExact && distinct === rows - nulls && distinct > 1;
  const values = allDiffer
    ? "all different"
    : isExact
      ? plural(distinct, "value")
      : `${roughly(distinct)} values`;
  return nulls > 0 ? `${percent(nulls, rows)} null · ${values}` : values;
}

/** `1,234 rows, 12 %` */
export const barText = ({ rows }: Bar, of: number) => `${plural(rows, "row")}, ${percent(rows, of)}`;

/** `10 to under 20: 1,234 rows, 12 %` */
export const barTitle = (bar: Bar, of: number) => `${bar.label}: ${barText(bar, of)}`;

export function isChosen(bar: Bar, filters: readonly Filter[]): boolean {
  const texts = filters.map(formatFilter);
  return bar.filters.length > 0 && bar.filters.every((filter) => texts.includes(formatFilter(filter)));
}

/** The filters after a click on a bar: its own instead of those of another bar of the column, or none if it was chosen. */
export function toggled(name: string, column: ColumnProfile, bar: Bar, filters: readonly Filter[]): Filter[] {
  const { nulls } = pictureOf(name, column, column.nulls);
  const bars = [...rangeBars(name, column), ...valueBars(name, column), ...(nulls ? [nulls] : [])];
  const chosen = bars.filter((one) => isChosen(one, filters)).flatMap((one) => one.filters.map(formatFilter));
  const others = filters.filter((filter) => !chosen.includes(formatFilter(filter)));
  return isChosen(bar, filters) ? others : [...others, ...bar.filters];
}
