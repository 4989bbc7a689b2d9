// A column that is taken by its name and put elsewhere.
import { type PointerEvent, type RefObject, useRef, useState } from "react";
import { dropPlace, type Layout, type Placed } from "./columns";

/** Shorter moves are clicks, px. */
const THRESHOLD = 6;
/** So near to an edge the grid goes along, by as much at each move, px. */
const EDGE = 32;

export interface HeadDrag {
  name: string;
  /** Where the line is that shows its new place, px from the left of the head. */
  line: number;
}

export function useHeadDrag(
  element: RefObject<HTMLDivElement | null>,
  layout: Layout,
  gutter: number,
  onDrop: (name: string, to: number) => void,
) {
  const [drag, setDrag] = useState<HeadDrag | null>(null);
  /** A drag ends with a click, which is none. */
  const dragged = useRef(false);
  const start = (event: PointerEvent<HTMLElement>, placed: Placed) => {
    const grid = element.current;
    if (event.button !== 0 || event.pointerType !== "mouse" || !grid) return;
    dragged.current = false;
    const handle = event.currentTarget;
    const { name } = placed.column;
    const from = event.clientX;
    let to: number | null = null;
    const move = (next: globalThis.PointerEvent) => {
      if (to === null && Math.abs(next.clientX - from) < THRESHOLD) return;
      if (to === null) handle.setPointerCapture(next.pointerId);
      dragged.current = true;
      const box = grid.getBoundingClientRect();
      const x = next.clientX - box.left;
      if (x > grid.clientWidth - EDGE) grid.scrollLeft += EDGE;
      else if (!placed.pinned && x < gutter + layout.pinnedWidth + EDGE) grid.scrollLeft -= EDGE;
      to = dropPlace(layout, placed, x - gutter + (placed.pinned ? 0 : grid.scrollLeft));
      const line = (layout.columns[to]?.x ?? layout.width) + gutter + (placed.pinned ? grid.scrollLeft : 0);
      setDrag({ name, line });
    };
    const stop = () => {
      window.removeEventListener("pointermove", move);
      window.removeEventListener("pointerup", drop);
      window.removeEventListener("pointercancel", stop);
      window.removeEventListener("keydown", cancel, true);
      setDrag(null);
    };
    const drop = () => {
      stop();
      if (to !== null) onDrop(name, to);
    };
    const cancel = (key: KeyboardEvent) => {
      if (key.key !== "Escape") return;
      key.stopPropagation();
      stop();
    };
    window.addEventListener("pointermove", move);
    window.addEventListener("pointerup", drop);
    window.addEventListener("pointercancel", stop);
    window.addEventListener("keydown", cancel, true);
  };
  const wasDragged = () => {
    const was = dragged.current;
    dragged.current = false;
    return was;
  };
  return { drag, wasDragged, start };
}
