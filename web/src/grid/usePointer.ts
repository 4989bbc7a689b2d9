// What a pointer does to the cells: select, extend, draw whole rows by their numbers, open.
import type { MouseEvent, PointerEvent, RefObject } from "react";
import type { Layout } from "./columns";
import { beyond, clamp, useDrag } from "./drag";
import type { Selection, Spot } from "./keys";

interface Place {
  element: RefObject<HTMLDivElement | null>;
  layout: Layout;
  gutter: number;
  /** Height of the head, px. */
  head: number;
  /** Height in which rows are seen, px. */
  view: number;
  selection: Selection;
}

interface Acts {
  /** Moves the grid by so many pixels. */
  scroll: (down: number, right: number) => void;
  select: (next: Selection) => void;
  /** As `select`, but nothing is brought into sight. */
  draw: (next: Selection) => void;
  open: (spot: Spot) => void;
}

export function usePointer({ element, layout, gutter, head, view, selection }: Place, acts: Acts) {
  const lastCol = Math.max(0, layout.columns.length - 1);
  const { focus } = selection;
  /** Row and column under a point; the row's number stands for all its columns. */
  const spotAt = (x: number, y: number) => {
    const target = document.elementFromPoint(x, y);
    const row = target?.closest<HTMLElement>("[data-row]");
    if (!row || !element.current?.contains(row)) return null;
    const cell = target?.closest<HTMLElement>("[data-col]");
    return { row: Number(row.dataset.row), col: cell ? Number(cell.dataset.col) : null };
  };
  const drag = useDrag({
    // Beyond an edge the nearest cell inside counts.
    extend: (x, y) => {
      const node = element.current;
      if (!node) return;
      const box = node.getBoundingClientRect();
      const left = box.left + gutter + layout.pinnedWidth;
      const spot = spotAt(
        drag.current?.rows ? box.left + 4 : clamp(x, left + 2, box.left + node.clientWidth - 2),
        clamp(y, box.top + head + 2, box.top + head + view - 2),
      );
      if (!spot) return;
      const to = { row: spot.row, col: drag.current?.rows ? lastCol : (spot.col ?? focus.col) };
      if (to.row === focus.row && to.col === focus.col) return;
      acts.draw({ anchor: selection.anchor, focus: to });
    },
    scroll: (x, y) => {
      const node = element.current;
      if (!node) return false;
      const box = node.getBoundingClientRect();
      const down = beyond(y, box.top + head, box.top + head + view);
      const right = drag.current?.rows ? 0 : beyond(x, box.left + gutter, box.left + node.clientWidth);
      if (down === 0 && right === 0) return false;
      // The further out, the faster.
      acts.scroll(clamp(down / 2, -64, 64), clamp(right / 2, -48, 48));
      return true;
    },
  });
  const onPointerDown = (event: PointerEvent) => {
    const spot = event.button === 0 ? spotAt(event.clientX, event.clientY) : null;
    if (!spot) return;
    const wholeRows = spot.col === null;
    const to = { row: spot.row, col: spot.col ?? lastCol };
    const from = event.shiftKey ? selection.anchor : { ...to, col: wholeRows ? 0 : to.col };
    if (event.pointerType === "mouse") drag.current = { x: event.clientX, y: event.clientY, rows: wholeRows };
    // By row: nothing is moved sideways.
    if (wholeRows) acts.draw({ anchor: { ...from, col: 0 }, focus: to });
    else acts.select({ anchor: from, focus: to });
  };
  const onDoubleClick = (event: MouseEvent) => {
    const spot = spotAt(event.clientX, event.clientY);
    if (spot?.col != null) acts.open({ row: spot.row, col: spot.col });
  };
  return { spotAt, onPointerDown, onDoubleClick };
}
