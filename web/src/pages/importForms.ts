// What an import was asked to read, so that one that failed can be done again as it was: the job does not say.
// It stays in this browser until somebody signs out, because a filter may hold values of the table.
import type { Masks } from "./Selection";

const KEY = "mycorr.imports";
/** Older ones are forgotten. */
const MAX_KEPT = 50;

export interface ImportForm {
  /** Under which the table was to stand; where left out that of the source. */
  name?: string;
  /** Those that were read; all where left out. */
  columns?: string[];
  /** As the API writes them. */
  filter?: string[];
  masks?: Masks;
  verify?: boolean;
}

function kept(): [string, ImportForm][] {
  try {
    return JSON.parse(localStorage.getItem(KEY) ?? "[]");
  } catch {
    return [];
  }
}

export function keepImport(job: string, { name, columns, filter, masks, verify }: ImportForm) {
  const form = { name, columns, filter, masks, verify };
  try {
    localStorage.setItem(KEY, JSON.stringify([[job, form], ...kept()].slice(0, MAX_KEPT)));
  } catch {
    // A browser without room, or one that may keep nothing: then it is chosen again.
  }
}

/** null where it was begun in another browser, or too long ago. */
export const keptImport = (job: string): ImportForm | null => kept().find(([id]) => id === job)?.[1] ?? null;

export const forgetImports = () => localStorage.removeItem(KEY);
