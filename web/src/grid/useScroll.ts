// Where the grid is: the rows and columns in sight, and how to bring others there.
import { type RefObject, useCallback, useEffect, useLayoutEffect, useMemo, useRef, useState } from "react";
import { flushSync } from "react-dom";
import { ROW, reach, scrollAt, scrolled, topAt } from "./scroll";

/** Height of a head without a strip in px. */
export const HEAD = 44;

/** `head`: the height of the head, px. */
export function useScroll(element: RefObject<HTMLDivElement | null>, total: number, head: number) {
  const at = useRef({ top: 0, scroll: 0 });
  const [place, setPlace] = useState({ top: 0, left: 0 });
  const [size, setSize] = useState({ width: 0, height: 0 });
  const view = Math.max(0, Math.min(size.height - head, total * ROW));
  const extent = useMemo(() => ({ rows: total, view }), [total, view]);

  useLayoutEffect(() => {
    const node = element.current;
    if (!node) return;
    const observer = new ResizeObserver(() =>
      setSize({ width: node.clientWidth, height: node.clientHeight }),
    );
    observer.observe(node);
    return () => observer.disconnect();
  }, [element]);

  const go = useCallback(
    (top: number, left?: number) => {
      const node = element.current;
      if (!node) return;
      const next = Math.min(Math.max(top, 0), reach(extent));
      node.scrollTop = scrollAt(next, extent);
      if (left !== undefined) node.scrollLeft = left;
      at.current = { top: next, scroll: node.scrollTop };
      setPlace({ top: next, left: node.scrollLeft });
    },
    [element, extent],
  );

  // After filters or another height the old place may lie beyond the end.
  useLayoutEffect(() => {
    if (at.current.top > reach(extent)) go(at.current.top);
  }, [extent, go]);

  const settle = useRef<ReturnType<typeof setTimeout>>(undefined);
  useEffect(() => () => clearTimeout(settle.current), []);
  const onScroll = () => {
    const node = element.current;
    if (!node) return;
    const next = scrolled(at.current, node.scrollTop, extent);
    if (Math.abs(next.scroll - node.scrollTop) >= 1) node.scrollTop = next.scroll;
    at.current = { top: next.top, scroll: node.scrollTop };
    // At once: the viewport is sticky, so rows that come a frame later would be seen to lag.
    flushSync(() => setPlace({ top: next.top, left: node.scrollLeft }));
    clearTimeout(settle.current);
    settle.current = setTimeout(() => {
      // Somebody scrolls on, and its event is still to come: to set the bar now would undo that.
      if (Math.abs(node.scrollTop - at.current.scroll) >= 1) return;
      if (Math.abs(topAt(node.scrollTop, extent) - at.current.top) >= ROW) go(at.current.top);
    }, 200);
  };
  return { at, place, size, view, extent, go, onScroll };
}
