// What can be asked of a column, by its type.
import type { Column } from "../api/client";
import { isNumeric } from "./columns";
import { type Filter, makeFilter, OPERATORS } from "./view";

export type Kind = "boolean" | "number" | "date" | "timestamp" | "text" | "other";

export function kindOf(column: Column): Kind {
  const { pg_type } = column;
  if (pg_type === "boolean") return "boolean";
  if (isNumeric(column)) return "number";
  if (pg_type === "date") return "date";
  if (/^timestamp(\(\d\))? with/.test(pg_type)) return "timestamp";
  if (/^(text|character|"char"|citext|name)/.test(pg_type) && !pg_type.endsWith("[]")) return "text";
  return "other";
}

const NULLS = ["is.null", "is.not_null"];
const ORDER = ["gt", "gte", "lt", "lte", "between"];

/** Ids of `OPERATORS`, those that are wanted most often first. */
const CHOICES: Record<Kind, string[]> = {
  boolean: ["eq", ...NULLS],
  number: ["eq", "neq", ...ORDER, "in", ...NULLS],
  date: ["eq", "neq", ...ORDER, ...NULLS],
  timestamp: ["between", "gte", "lt", "eq", ...NULLS],
  text: ["eq", "neq", "contains", "empty", "not_empty", "in", "like", "ilike", ...ORDER, ...NULLS],
  other: ["eq", "neq", "in", ...ORDER, "contains", "like", "ilike", ...NULLS],
};

const TIMES: Record<string, string> = {
  gt: "is after",
  gte: "is at or after",
  lt: "is before",
  lte: "is at or before",
};

export interface Choice {
  id: string;
  label: string;
}

/** `chosen` is offered too, whatever the type: a link may hold it. `few`: all values are known, so a list comes first. */
export function choicesOf(column: Column, chosen?: string, few = false): Choice[] {
  const kind = kindOf(column);
  const listed = few && kind !== "boolean" && kind !== "timestamp";
  const ids = listed ? [...new Set(["in", ...CHOICES[kind]])] : CHOICES[kind];
  const all = chosen && !ids.includes(chosen) ? [...ids, chosen] : ids;
  return all.flatMap((id) => {
    const operator = OPERATORS.find((one) => one.id === id);
    if (!operator) return [];
    return { id, label: (kind === "date" || kind === "timestamp" ? TIMES[id] : undefined) ?? operator.label };
  });
}

/** The filters of a choice; "between" is two. */
export function makeFilters(column: string, choice: string, typed: string, to: string): Filter[] {
  if (choice !== "between") return [makeFilter(column, choice, typed)];
  return [
    ...(typed === "" ? [] : [makeFilter(column, "gte", typed)]),
    ...(to === "" ? [] : [makeFilter(column, "lte", to)]),
  ];
}

/** So many values can be offered as a list. */
const FEW = 20;

export interface KnownValue {
  value: string;
  /** In how many rows it is found. */
  rows: number;
}

/** The values of a column where a profile holds each of them, those that are found most first; null where it does not. */
export function allValues(
  profile: { distinct: number; distinct_is_exact: boolean; top: KnownValue[] } | undefined,
): KnownValue[] | null {
  if (!profile?.distinct_is_exact || profile.distinct === 0 || profile.distinct > FEW) return null;
  return profile.top.length === profile.distinct ? profile.top : null;
}

/** The values of a column among the rows that are here, sorted; null where they are many. */
export function fewValues(rows: Iterable<unknown>): string[] | null {
  const found = new Set<string>();
  for (const cell of rows) {
    if (typeof cell === "string" && cell !== "") found.add(cell);
    if (found.size > FEW) return null;
  }
  return found.size > 0 ? [...found].sort() : null;
}
