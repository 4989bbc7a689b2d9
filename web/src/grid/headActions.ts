// What the head of a column can do, of what the grid was given.
import { type Layout, moved, placedBefore } from "./columns";
import { nextSort, type Sort } from "./view";

export interface Look {
  widths: ReadonlyMap<string, number>;
  pins: ReadonlySet<string>;
}

export interface HeadActions {
  sort?: (sorts: Sort[]) => void;
  toggleSort?: (column: string, keep: boolean) => void;
  filter?: (column: string) => void;
  profile?: (column: string) => void;
  hide?: (column: string) => void;
  move?: (column: string, by: -1 | 1) => void;
  /** Before the column at this index. */
  put?: (column: string, to: number) => void;
  pin: (column: string) => void;
  width: (column: string, width: number | null) => void;
}

interface State extends Look {
  layout: Layout;
  order: string[];
  sorts: Sort[];
}

interface Changes {
  onSort?: (sorts: Sort[]) => void;
  onFilter?: (column: string) => void;
  onProfile?: (column: string) => void;
  onOrder?: (order: string[]) => void;
  onLook: (look: Look) => void;
}

export function headActions(
  state: State,
  { onSort, onFilter, onProfile, onOrder, onLook }: Changes,
): HeadActions {
  const { layout, order, sorts, widths, pins } = state;
  const laid = layout.columns.map((placed) => placed.column.name);
  return {
    sort: onSort,
    toggleSort: onSort && ((column, keep) => onSort(nextSort(sorts, column, keep))),
    filter: onFilter,
    profile: onProfile,
    hide:
      onOrder && order.length > 1 ? (column) => onOrder(order.filter((name) => name !== column)) : undefined,
    move: onOrder && ((column, by) => onOrder(moved(order, column, by))),
    put: onOrder && ((column, to) => onOrder(placedBefore(laid, column, to))),
    pin: (column) => {
      const next = new Set(pins);
      if (!next.delete(column)) next.add(column);
      onLook({ widths, pins: next });
    },
    width: (column, width) => {
      const next = new Map(widths);
      if (width === null) next.delete(column);
      else next.set(column, width);
      onLook({ widths: next, pins });
    },
  };
}
