// Where the grid is, in pixels of rows, against where its scroll bar is. Browsers stop at some 33 million
// pixels of height (Firefox at 17), 10 million rows need 320 million: so the canvas is at most 8 million
// pixels high, and the truth is `top`, the offset of the first visible pixel among all rows.

export const ROW = 32;
const CANVAS = 8_000_000;
/** A scroll event shorter than this is a wheel or a finger and moves the rows by as much; a longer one is the bar. */
const STEP = 2_000;
/** Within this of either end, bar and rows are the same pixels, so that both ends can be reached. */
const EDGE = 100_000;

export interface Extent {
  rows: number;
  /** Height in which rows are seen, px. */
  view: number;
}

export interface Position {
  /** Offset among all rows, px. */
  top: number;
  /** `scrollTop` of the element, px. */
  scroll: number;
}

export const canvasHeight = (rows: number) => Math.min(rows * ROW, CANVAS);

/** The largest `top`. */
export const reach = ({ rows, view }: Extent) => Math.max(0, rows * ROW - view);

/** The largest `scroll`. */
const travel = ({ rows, view }: Extent) => Math.max(0, canvasHeight(rows) - view);

const clamp = (value: number, max: number) => Math.min(Math.max(value, 0), max);

export function topAt(scroll: number, extent: Extent): number {
  const [far, end] = [reach(extent), travel(extent)];
  if (far === end || scroll <= EDGE) return clamp(scroll, far);
  if (scroll >= end - EDGE) return clamp(far - (end - scroll), far);
  return EDGE + ((scroll - EDGE) * (far - 2 * EDGE)) / (end - 2 * EDGE);
}

export function scrollAt(top: number, extent: Extent): number {
  const [far, end] = [reach(extent), travel(extent)];
  if (far === end || top <= EDGE) return clamp(top, end);
  if (top >= far - EDGE) return clamp(end - (far - top), end);
  return EDGE + ((top - EDGE) * (end - 2 * EDGE)) / (far - 2 * EDGE);
}

/** What a scroll event means. If `scroll` differs from what came in, the bar is to be put there. */
export function scrolled(from: Position, scroll: number, extent: Extent): Position {
  const [far, end] = [reach(extent), travel(extent)];
  const delta = scroll - from.scroll;
  if (far === end || Math.abs(delta) >= STEP) return { top: topAt(scroll, extent), scroll };
  const top = clamp(from.top + delta, far);
  // In the middle the bar may run ahead of the rows; it is put right when it stops, or where it would hit an end.
  const nearEnd = Math.min(top, far - top, scroll, end - scroll) <= EDGE;
  return { top, scroll: nearEnd ? scrollAt(top, extent) : scroll };
}

/** `top` so that a row is wholly in sight, moved as little as needed. */
export function reveal(top: number, row: number, extent: Extent): number {
  const start = row * ROW;
  if (start < top) return start;
  if (start + ROW > top + extent.view) return clamp(start + ROW - extent.view, reach(extent));
  return top;
}

/** The rows in sight: `first` up to but without `end`. */
export function visibleRows(top: number, { rows, view }: Extent): { first: number; end: number } {
  const first = Math.floor(top / ROW);
  return { first, end: Math.min(rows, Math.ceil((top + view) / ROW)) };
}
