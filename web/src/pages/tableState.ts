// What of a table is looked at: it stands in the URL, and widths and pins in this browser too.
import { useSearchParams } from "wouter";
import type { StoredView, VersionName } from "../api/client";
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
    /** Everything of a saved view at once, so that Back leads to what was looked at before. */
    apply: (saved: SavedView) => setAll({ ...texts(saved), cell: null }),
    /** What is looked at, to be saved. */
    current: (look: Look): Omit<SavedView, "name"> => ({
      sort: search.get("sort") ?? "",
      filters: search.getAll("f"),
      columns: search.has("cols") ? words(search.get("cols")) : null,
      widths: Object.fromEntries([...look.widths].map(([name, width]) => [name, Math.round(width)])),
      pinned: [...look.pins],
    }),
  };
}

export type SavedView = Pick<StoredView, "name" | "sort" | "filters" | "columns" | "widths" | "pinned">;

/** A saved view as it stands in the URL. */
const texts = ({ sort, filters, columns, widths, pinned }: Omit<SavedView, "name">) => ({
  sort,
  f: filters,
  cols: columns && joinWords(columns),
  w: formatWidths(new Map(Object.entries(widths))),
  pin: joinWords(pinned),
});

/** Whether both show the same. */
export const isSameView = (a: Omit<SavedView, "name">, b: Omit<SavedView, "name">) => {
  const text = (view: Omit<SavedView, "name">) => {
    const { w, ...rest } = texts(view);
    return JSON.stringify({ ...rest, w: w.sort() });
  };
  return text(a) === text(b);
};

/** Widths and pins as they stand in the URL. */
export const lookText = (look: Look | null) =>
  look ? JSON.stringify([formatWidths(look.widths), [...look.pins]]) : "";

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
