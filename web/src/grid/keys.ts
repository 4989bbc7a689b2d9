// What the keys do, apart from the page: a selection and a key make a selection.

export interface Spot {
  row: number;
  col: number;
}

/** From where the selection was started to where it is; both in it. */
export interface Selection {
  anchor: Spot;
  focus: Spot;
}

export interface Bounds {
  rows: number;
  cols: number;
  /** Rows of a page. */
  page: number;
}

interface Key {
  key: string;
  shift: boolean;
  ctrl: boolean;
}

const clamp = (value: number, count: number) => Math.min(Math.max(value, 0), Math.max(0, count - 1));

/** null: the key is none of the grid's. */
export function press(
  selection: Selection,
  { key, shift, ctrl }: Key,
  { rows, cols, page }: Bounds,
): Selection | null {
  const { anchor, focus } = selection;
  const to = (row: number, col: number): Selection => {
    const spot = { row: clamp(row, rows), col: clamp(col, cols) };
    return { anchor: shift ? anchor : spot, focus: spot };
  };
  switch (key) {
    case "ArrowDown":
      return to(ctrl ? rows : focus.row + 1, focus.col);
    case "ArrowUp":
      return to(ctrl ? 0 : focus.row - 1, focus.col);
    case "ArrowRight":
      return to(focus.row, ctrl ? cols : focus.col + 1);
    case "ArrowLeft":
      return to(focus.row, ctrl ? 0 : focus.col - 1);
    case "PageDown":
      return to(focus.row + page, focus.col);
    case "PageUp":
      return to(focus.row - page, focus.col);
    case "Home":
      return to(ctrl ? 0 : focus.row, 0);
    case "End":
      return to(ctrl ? rows : focus.row, cols);
    case "Escape":
      return anchor.row === focus.row && anchor.col === focus.col ? null : { anchor: focus, focus };
    case "a":
      if (!ctrl) return null;
      return { anchor: { row: anchor.row, col: 0 }, focus: { row: focus.row, col: Math.max(0, cols - 1) } };
    default:
      return null;
  }
}

export function range({ anchor, focus }: Selection) {
  return {
    top: Math.min(anchor.row, focus.row),
    bottom: Math.max(anchor.row, focus.row),
    left: Math.min(anchor.col, focus.col),
    right: Math.max(anchor.col, focus.col),
  };
}
