// The next cell that holds a text, row by row as they are shown. What is looked through is kept nowhere, so a
// table of any size can be; the server is asked for a thousand rows at a time.
import type { Cell } from "../api/client";
import type { Row } from "./blocks";
import type { Spot } from "./keys";
import type { RowSet } from "./rows";

const CHUNK = 1000;

export interface Haystack {
  read: RowSet["read"];
  total: number;
  /** Where the cells of the columns shown lie in a row, in the order shown. */
  columns: number[];
}

/** Of a large cell only what is shown of it. */
function holds(cell: Cell | null | undefined, wanted: string): boolean {
  if (cell === null || cell === undefined) return false;
  const text = typeof cell === "string" ? cell : "hex" in cell ? `\\x${cell.hex}` : cell.preview;
  return text.toLowerCase().includes(wanted);
}

/** After `from`, or before it, around the end and up to `from` itself; null if no cell holds it. */
export async function findCell(
  { read, total, columns }: Haystack,
  text: string,
  from: Spot,
  backwards: boolean,
  signal: AbortSignal,
  onLooked: (rows: number) => void,
): Promise<Spot | null> {
  const wanted = text.toLowerCase();
  const inRow = (cells: Row, may: (col: number) => boolean) => {
    const found = columns.flatMap((at, col) => (may(col) && holds(cells[at], wanted) ? col : []));
    return backwards ? found.at(-1) : found[0];
  };
  const onward = (col: number) => (backwards ? col < from.col : col > from.col);
  /** Of the row where it began: first what comes after, in the end what came before. */
  const may = (row: number, round: number) => (col: number) =>
    row !== from.row || (round === 0 ? onward(col) : !onward(col));
  const rounds = backwards
    ? [
        [0, from.row + 1],
        [from.row, total],
      ]
    : [
        [from.row, total],
        [0, from.row + 1],
      ];
  let looked = 0;
  for (const [round, [low = 0, high = 0]] of rounds.entries()) {
    let [first, end] = [low, high];
    while (first < end) {
      const at = backwards ? Math.max(first, end - CHUNK) : first;
      const size = Math.min(CHUNK, end - at);
      // An answer has a budget: of wide rows it holds fewer than were asked for.
      const rows = await read(at, size, signal, columns);
      while (rows.length > 0 && rows.length < size) {
        const more = await read(at + rows.length, size - rows.length, signal, columns);
        if (more.length === 0) break;
        rows.push(...more);
      }
      const numbers = rows.map((_, index) => index);
      for (const index of backwards ? numbers.reverse() : numbers) {
        const col = inRow(rows[index] ?? [], may(at + index, round));
        if (col !== undefined) return { row: at + index, col };
      }
      if (backwards) end = at;
      else first = at + size;
      looked += size;
      onLooked(Math.min(looked, total));
    }
  }
  return null;
}
