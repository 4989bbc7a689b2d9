// What of a table is looked at: it stands in the URL, and widths and pins in this browser too.
import { useSearchParams } from "wouter";
import type { VersionName } from "../api/client";
import type { Look } from "../grid/headActions";
import {
  type Filter,
  formatCell,
  formatFilter,
  formatSort,
  formatWidths,
  joinWords,
  parseCell,
  parseFilter,
  parseSort,
  parseWidths,
  type Sort,
  words,
} from "../grid/view";

/** What the URL says is looked at, and how to change it. */
export function useView() {
  const [search, setSearch] = useSearchParams();
  // What changes the rows can be undone with Back; where one is and how wide things are only follows.
  const setAll = (values: Record<string, string | string[] | null>, replace = false) =>
    setSearch(
      (old) => {
        const next = new URLSearchParams(old);
        for (const [name, texts] of Object.entries(values)) {
          next.delete(name);
          for (const text of [texts ?? []].flat()) if (text !== "") next.append(name, text);
        }
        return next;
      },
      { replace },
    );
  const set = (name: string, values: string | string[] | null, replace = false) =>
    setAll({ [name]: values }, replace);
  const version = Number(search.get("v"));
  return {
    version: (search.get("v") === "held"
      ? "held"
      : Number.isSafeInteger(version) && version > 0
        ? version
        : null) as VersionName | null,
    sorts: parseSort(search.get("sort")),
    filters: search.getAll("f").flatMap((text) => parseFilter(text) ?? []),
    shown: search.has("cols") ? words(search.get("cols")) : null,
    cell: parseCell(search.get("cell")),
    setSorts: (sorts: Sort[]) => set("sort", formatSort(sorts)),
    setFilters: (filters: Filter[]) => set("f", filters.map(formatFilter)),
    setShown: (names: string[] | null) => set("cols", names && joinWords(names)),
    setCell: (row: number, col: number) => set("cell", formatCell(row, col), true),
    look:
      search.has("w") || search.has("pin")
        ? { widths: parseWidths(search.getAll("w")), pins: new Set(words(search.get("pin"))) }
        : null,
    setLook: ({ widths, pins }: Look) => setAll({ w: formatWidths(widths), pin: joinWords([...pins]) }, true),
  };
}

const LOOK = "mycorr.look.";

export function storedLook(table: string): Look {
  try {
    const { widths, pins } = JSON.parse(localStorage.getItem(LOOK + table) ?? "{}");
    return { widths: parseWidths(widths ?? []), pins: new Set(pins ?? []) };
  } catch {
    return { widths: new Map(), pins: new Set() };
  }
}

export const storeLook = (table: string, { widths, pins }: Look) =>
  localStorage.setItem(LOOK + table, JSON.stringify({ widths: formatWidths(widths), pins: [...pins] }));
