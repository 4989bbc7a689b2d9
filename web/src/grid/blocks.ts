// A wide table is asked for in blocks of its columns, so that only those in sight come over the wire.
import type { Cell } from "../api/client";

/** Tables of at most so many columns come whole. */
const WHOLE = 16;
const BLOCK = 8;

/** undefined: not here yet. */
export type Row = (Cell | null | undefined)[];

/** Columns in a block of a table of `columns` columns. */
export const blockSize = (columns: number) => (columns > WHOLE ? BLOCK : Math.max(columns, 1));

/** The blocks that hold these columns, by their places in the table. */
export const blocksOf = (places: readonly number[], columns: number): number[] =>
  [...new Set(places.map((at) => Math.floor(at / blockSize(columns))))].sort((a, b) => a - b);

/** The rows of a page, put together of those of its blocks; where a block is not here, its cells are not. */
export function merged(blocks: ((Cell | null)[][] | undefined)[], columns: number): Row[] {
  const size = blockSize(columns);
  const count = Math.max(0, ...blocks.map((rows) => rows?.length ?? 0));
  return Array.from({ length: count }, (_, row) => {
    const cells: Row = new Array(columns);
    blocks.forEach((rows, block) => {
      rows?.[row]?.forEach((cell, at) => {
        cells[block * size + at] = cell;
      });
    });
    return cells;
  });
}
