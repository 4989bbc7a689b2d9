// A selection that is drawn with the mouse: it goes on outside of the grid, and takes the grid along.
import { useEffect, useEffectEvent, useRef } from "react";

export const clamp = (value: number, low: number, high: number) => Math.min(Math.max(value, low), high);

/** How far a point is outside, with its sign. */
export const beyond = (at: number, low: number, high: number) =>
  at < low ? at - low : at > high ? at - high : 0;

export interface Drag {
  x: number;
  y: number;
  /** Whole rows are drawn, by their numbers. */
  rows: boolean;
}

interface Handlers {
  extend: (x: number, y: number) => void;
  /** Moves the grid where the point is beyond its edge, and says whether it is. */
  scroll: (x: number, y: number) => boolean;
}

/** The drag that goes on; null while there is none. */
export function useDrag({ extend, scroll }: Handlers) {
  const drag = useRef<Drag | null>(null);
  const follow = useEffectEvent(() => {
    if (drag.current) extend(drag.current.x, drag.current.y);
  });
  const scrolled = useEffectEvent(() => drag.current !== null && scroll(drag.current.x, drag.current.y));
  useEffect(() => {
    let frame = 0;
    const turn = () => {
      if (scrolled()) follow();
      frame = drag.current ? requestAnimationFrame(turn) : 0;
    };
    const move = (event: PointerEvent) => {
      if (!drag.current) return;
      drag.current = { ...drag.current, x: event.clientX, y: event.clientY };
      follow();
      frame ||= requestAnimationFrame(turn);
    };
    const stop = () => {
      drag.current = null;
    };
    window.addEventListener("pointermove", move);
    window.addEventListener("pointerup", stop);
    window.addEventListener("pointercancel", stop);
    return () => {
      cancelAnimationFrame(frame);
      window.removeEventListener("pointermove", move);
      window.removeEventListener("pointerup", stop);
      window.removeEventListener("pointercancel", stop);
    };
  }, []);
  return drag;
}
