// What is looked at, as it stands in the URL:
// `?table=&v=&sort=-price,id&f=price.gt.10&cols=id,price&w=price.120&pin=id&cell=r12c3`. A name that holds a separator stands in
// double quotes, doubled where a quote is meant: the same grammar that `GET /tables/{id}/rows` takes.

import type { Cell } from "../api/client";
import { MAX_WIDTH, MIN_WIDTH } from "./columns";

export interface Sort {
  column: string;
  descending: boolean;
}

export interface Filter {
  /** Empty for alternatives, see `anyOf`. */
  column: string;
  operator: string;
  /** As it stands in the URL, a list in its parentheses. */
  value: string;
}

/** No column is called by nothing, so nothing else begins so. */
const OR = "or.(";

/** In words, in the order in which they are offered. */
export const OPERATORS: { id: string; label: string; value: boolean }[] = [
  { id: "eq", label: "is", value: true },
  { id: "neq", label: "is not", value: true },
  { id: "contains", label: "contains", value: true },
  { id: "gt", label: "is greater than", value: true },
  { id: "gte", label: "is at least", value: true },
  { id: "lt", label: "is less than", value: true },
  { id: "lte", label: "is at most", value: true },
  { id: "between", label: "is between", value: true },
  { id: "in", label: "is one of", value: true },
  { id: "empty", label: "is empty", value: false },
  { id: "not_empty", label: "is not empty", value: false },
  { id: "like", label: "is like (% any text, _ one character)", value: true },
  { id: "ilike", label: "is like, in any case", value: true },
  { id: "is.null", label: "is NULL", value: false },
  { id: "is.not_null", label: "is not NULL", value: false },
];

/** The text before the first separator, or within double quotes, and what follows it; null if a quote stays open. */
function word(text: string, separator: string): { word: string; rest: string | null } | null {
  if (!text.startsWith('"')) {
    const at = text.indexOf(separator);
    return at < 0 ? { word: text, rest: null } : { word: text.slice(0, at), rest: text.slice(at + 1) };
  }
  const match = /^"((?:[^"]|"")*)"/.exec(text);
  if (!match) return null;
  const rest = text.slice(match[0].length);
  if (rest !== "" && !rest.startsWith(separator)) return null;
  return { word: (match[1] ?? "").replaceAll('""', '"'), rest: rest === "" ? null : rest.slice(1) };
}

/** All words of a list. */
export function words(text: string | null, separator = ","): string[] {
  const found: string[] = [];
  let rest = text === "" ? null : text;
  while (rest !== null) {
    const next = word(rest, separator);
    if (!next) break;
    found.push(next.word);
    rest = next.rest;
  }
  return found;
}

const quoted = (text: string, special: RegExp) =>
  text === "" || special.test(text) ? `"${text.replaceAll('"', '""')}"` : text;

export const joinWords = (list: readonly string[]) => list.map((text) => quoted(text, /[",]/)).join(",");

export function parseSort(text: string | null): Sort[] {
  const sorts: Sort[] = [];
  let rest = text === "" ? null : text;
  while (rest !== null) {
    const descending = rest.startsWith("-");
    const next = word(descending ? rest.slice(1) : rest, ",");
    if (!next?.word) break;
    sorts.push({ column: next.word, descending });
    rest = next.rest;
  }
  return sorts;
}

export const formatSort = (sorts: readonly Sort[]) =>
  sorts.map(({ column, descending }) => `${descending ? "-" : ""}${quoted(column, /^-|[",]/)}`).join(",");

export function parseFilter(text: string): Filter | null {
  if (text.startsWith(OR)) {
    const value = text.slice(OR.length - 1);
    const members = text.endsWith(")") ? words(value.slice(1, -1)) : [];
    const good = members.length > 0 && members.every((one) => !one.startsWith(OR) && parseFilter(one));
    return good ? { column: "", operator: "or", value } : null;
  }
  const column = word(text, ".");
  const dot = column?.rest?.indexOf(".") ?? -1;
  if (!column?.word || column.rest === null || dot < 0) return null;
  return { column: column.word, operator: column.rest.slice(0, dot), value: column.rest.slice(dot + 1) };
}

export const formatFilter = ({ column, operator, value }: Filter) =>
  isGroup({ column, operator, value }) ? `or.${value}` : `${quoted(column, /[".]/)}.${operator}.${value}`;

/** Whether it stands for several, of which one has to hold. */
export const isGroup = ({ column, operator }: Filter) => column === "" && operator === "or";

/** The filters of which one has to hold: itself, unless it is a group. */
export const alternatives = (filter: Filter): Filter[] =>
  isGroup(filter) ? words(filter.value.slice(1, -1)).flatMap((one) => parseFilter(one) ?? []) : [filter];

/** One filter of which one of these has to hold. */
export function anyOf(filters: readonly Filter[]): Filter | null {
  const [first] = filters;
  if (!first || filters.length === 1) return first ?? null;
  return { column: "", operator: "or", value: `(${joinWords(filters.map(formatFilter))})` };
}

/** A list as people type it: spaces around the commas mean nothing, a comma within quotes is none. */
export const typedWords = (typed: string) =>
  [...typed.matchAll(/\s*(?:"((?:[^"]|"")*)"\s*|([^,]*))(?:,|$)/gy)]
    .map(([, inQuotes, bare]) => inQuotes?.replaceAll('""', '"') ?? bare?.trim() ?? "")
    .slice(0, typed === "" || /,\s*$/.test(typed) ? undefined : -1);

/** The filter for what a person chose and typed. */
export function makeFilter(column: string, choice: string, typed: string): Filter {
  const [operator = "", fixed] = choice.split(".");
  if (fixed !== undefined) return { column, operator, value: fixed };
  if (choice === "empty") return { column, operator: "eq", value: "" };
  if (choice === "not_empty") return { column, operator: "neq", value: "" };
  if (choice === "contains") {
    return { column, operator: "ilike", value: `*${typed.replace(/[\\*%_]/g, "\\$&")}*` };
  }
  if (choice === "in") {
    return { column, operator, value: `(${joinWords(typedWords(typed))})` };
  }
  return { column, operator, value: typed };
}

/** The other way round: what was chosen and typed. */
export function readFilter({ operator, value }: Filter): { choice: string; typed: string } {
  if (operator === "is") return { choice: `is.${value}`, typed: "" };
  if (operator === "in")
    return {
      choice: "in",
      typed: words(value.slice(1, -1))
        .map((one) => quoted(one, /[",]/))
        .join(", "),
    };
  if (value === "" && (operator === "eq" || operator === "neq")) {
    return { choice: operator === "eq" ? "empty" : "not_empty", typed: "" };
  }
  const contains = operator === "ilike" && /^\*((?:\\.|[^\\*%_])*)\*$/s.exec(value);
  if (contains) return { choice: "contains", typed: (contains[1] ?? "").replace(/\\(.)/gs, "$1") };
  return { choice: operator, typed: value };
}

export function inWords(filter: Filter): string {
  const { choice, typed } = readFilter(filter);
  const label = OPERATORS.find(({ id }) => id === choice)?.label.replace(/ \(.*/, "") ?? choice;
  return typed === "" && OPERATORS.find(({ id }) => id === choice)?.value === false
    ? label
    : `${label} ${typed === "" ? '""' : typed}`;
}

/** `price.120`: a width that somebody chose. */
export const formatWidths = (widths: ReadonlyMap<string, number>) =>
  [...widths].map(([name, width]) => `${quoted(name, /[".]/)}.${Math.round(width)}`);

export function parseWidths(texts: readonly string[]): Map<string, number> {
  const found = new Map<string, number>();
  for (const text of texts) {
    const column = word(text, ".");
    const width = Number(column?.rest);
    if (column?.word && width >= MIN_WIDTH && width <= MAX_WIDTH) found.set(column.word, width);
  }
  return found;
}

/** The filter that finds the rows with this value. */
export function filterByValue(column: string, cell: Cell | null): Filter | null {
  if (cell === null) return { column, operator: "is", value: "null" };
  return typeof cell === "string" ? { column, operator: "eq", value: cell } : null;
}

/** The filter that finds all rows but those that `filterByValue` does; a NULL is no other value. */
export const opposite = ({ column, operator, value }: Filter): Filter =>
  operator === "is" ? { column, operator, value: "not_null" } : { column, operator: "neq", value };

/** A click on a header: ascending, descending, not at all. With Shift the other columns keep theirs. */
export function nextSort(sorts: readonly Sort[], column: string, keep: boolean): Sort[] {
  const old = sorts.find((sort) => sort.column === column);
  const next = old ? (old.descending ? [] : [{ column, descending: true }]) : [{ column, descending: false }];
  if (!keep) return next;
  return old ? sorts.flatMap((sort) => (sort.column === column ? next : [sort])) : [...sorts, ...next];
}

/** `r12c3` is row 12 and column 3, both from 1; the grid counts from 0. */
export function parseCell(text: string | null): { row: number; col: number } | null {
  const match = /^r([1-9]\d{0,14})c([1-9]\d{0,4})$/.exec(text ?? "");
  return match ? { row: Number(match[1]) - 1, col: Number(match[2]) - 1 } : null;
}

export const formatCell = (row: number, col: number) => `r${row + 1}c${col + 1}`;
