// What the grid is given, and how others move it.
import type { ReactNode, Ref } from "react";
import type { Column } from "../api/client";
import type { Placed } from "./columns";
import type { RowMark } from "./diffRows";
import type { Look } from "./headActions";
import type { Spot } from "./keys";
import type { RowSet } from "./rows";
import type { Filter, Sort } from "./view";

/** How others move the grid. */
export interface GridHandle {
  /** Brings a cell into sight and makes it the current one; without a column the one of before. */
  goTo: (row: number, col?: number) => void;
  focus: () => void;
  current: () => Spot;
  /** Those that are shown, in their order. */
  columns: () => Placed[];
}

export interface GridProps {
  handle?: Ref<GridHandle>;
  label: string;
  columns: Column[];
  rows: RowSet;
  /** How many rows there will be, for as long as the first answer has not come. */
  expected?: number;
  /** Of how many, where filters leave some out. */
  of?: number;
  /** Widths and pins to begin with, or from now on, and how to keep those that are chosen. */
  look?: Look;
  onLook?: (look: Look) => void;
  /** Names of the columns shown, in their order. */
  order: string[];
  onOrder?: (order: string[]) => void;
  sorts?: Sort[];
  onSort?: (sorts: Sort[]) => void;
  onFilter?: (column: string) => void;
  /** A condition that was made of a cell. */
  onValue?: (filter: Filter) => void;
  onFind?: () => void;
  onRecord?: () => void;
  /** What became of a row, where two versions are compared. */
  marks?: (row: number) => RowMark | undefined;
  /** To the next thing worth a look, or the one before. */
  onStep?: (by: 1 | -1) => void;
  onProfile?: (column: string) => void;
  /** What stands below the names in the head, and how high that is, px. */
  strip?: { height: number; of: (column: string) => ReactNode };
  /** The cell to start at. */
  start?: { row: number; col: number } | null;
  onCell?: (row: number, col: number) => void;
  onOpen?: (row: number, placed: Placed) => void;
  /** Where a cell leads. */
  ways?: (row: number, placed: Placed) => { label: string; go: () => void }[];
  /** Lies over the place of the rows: why there are none. */
  note?: ReactNode;
}
