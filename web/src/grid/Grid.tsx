// The grid: rows of any number, columns of any number, in plain DOM. Focus stays on the grid itself
// (`aria-activedescendant`), rows lie in a sticky viewport over a canvas that only makes the scroll bar.
import { Button } from "@mantine/core";
import {
  type ClipboardEvent,
  type KeyboardEvent,
  type MouseEvent,
  type PointerEvent,
  type ReactNode,
  useCallback,
  useEffect,
  useId,
  useLayoutEffect,
  useMemo,
  useRef,
  useState,
} from "react";
import { flushSync } from "react-dom";
import { type Column, toProblem } from "../api/client";
import { count, plural } from "../ui/format";
import { tsv } from "./cell";
import { layout, moved, type Placed, revealColumn, visibleColumns } from "./columns";
import { beyond, clamp, useDrag } from "./drag";
import { GridHead, type HeadActions } from "./GridHead";
import { GridRow } from "./GridRow";
import { press, range, type Selection } from "./keys";
import { COPY_ROWS, type RowSet } from "./rows";
import { canvasHeight, ROW, reach, reveal, scrollAt, scrolled, topAt, visibleRows } from "./scroll";
import { nextSort, type Sort } from "./view";
import "./grid.css";

export interface Look {
  widths: ReadonlyMap<string, number>;
  pins: ReadonlySet<string>;
}

const PLAIN: Look = { widths: new Map(), pins: new Set() };

interface Props {
  label: string;
  columns: Column[];
  rows: RowSet;
  /** How many rows there will be, for as long as the first answer has not come. */
  expected?: number;
  /** Of how many, where filters leave some out. */
  of?: number;
  /** Widths and pins to begin with, and how to keep those that are chosen. */
  look?: Look;
  onLook?: (look: Look) => void;
  /** Names of the columns shown, in their order. */
  order: string[];
  onOrder?: (order: string[]) => void;
  sorts?: Sort[];
  onSort?: (sorts: Sort[]) => void;
  onFilter?: (column: string) => void;
  /** The cell to start at. */
  start?: { row: number; col: number } | null;
  onCell?: (row: number, col: number) => void;
  onOpen?: (row: number, placed: Placed) => void;
  /** Lies over the place of the rows: why there are none. */
  note?: ReactNode;
}

/** Height of the head in px, as in grid.css. */
const HEAD = 44;
const ORIGIN: Selection = { anchor: { row: 0, col: 0 }, focus: { row: 0, col: 0 } };

export function Grid(props: Props) {
  const {
    label,
    columns,
    rows,
    expected,
    look = PLAIN,
    onLook,
    order,
    onOrder,
    sorts = [],
    onSort,
    onFilter,
    start,
    onCell,
    onOpen,
  } = props;
  const id = useId();
  const element = useRef<HTMLDivElement>(null);
  const at = useRef({ top: 0, scroll: 0 });
  const [place, setPlace] = useState({ top: 0, left: 0 });
  const [size, setSize] = useState({ width: 0, height: 0 });
  const [{ widths, pins }, setLook] = useState(look);
  const [selection, setSelection] = useState<Selection>(() =>
    start ? { anchor: start, focus: start } : ORIGIN,
  );
  const [menu, setMenu] = useState<string | null>(null);
  const [message, setMessage] = useState("");

  const total = rows.total ?? expected ?? 0;
  const gutter = Math.max(48, count(total).length * 8 + 20);
  const laid = useMemo(() => layout(columns, order, widths, pins), [columns, order, widths, pins]);
  const view = Math.max(0, Math.min(size.height - HEAD, total * ROW));
  const extent = useMemo(() => ({ rows: total, view }), [total, view]);
  const seen = visibleRows(place.top, extent);
  const shown = visibleColumns(laid, place.left, size.width - gutter);
  const marked = range(selection);
  const { focus } = selection;

  useLayoutEffect(() => {
    const node = element.current;
    if (!node) return;
    const observer = new ResizeObserver(() =>
      setSize({ width: node.clientWidth, height: node.clientHeight }),
    );
    observer.observe(node);
    return () => observer.disconnect();
  }, []);

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
    [extent],
  );

  // After filters or another height the old place may lie beyond the end.
  useLayoutEffect(() => {
    if (at.current.top > reach(extent)) go(at.current.top);
  }, [extent, go]);

  const { scope } = rows;
  const shownScope = useRef(scope);
  useLayoutEffect(() => {
    if (shownScope.current === scope) return;
    shownScope.current = scope;
    setSelection(({ focus }) => ({ anchor: { ...focus, row: 0 }, focus: { ...focus, row: 0 } }));
    go(0);
  }, [scope, go]);

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
      if (Math.abs(topAt(node.scrollTop, extent) - at.current.top) >= ROW) go(at.current.top);
    }, 200);
  };

  useEffect(() => {
    if (seen.end > seen.first) rows.onVisible(seen.first, seen.end);
  }, [rows.onVisible, seen.first, seen.end]);

  const select = (next: Selection) => {
    setSelection(next);
    setMessage("");
    go(
      reveal(at.current.top, next.focus.row, extent),
      revealColumn(laid, element.current?.scrollLeft ?? 0, size.width - gutter, next.focus.col),
    );
    onCell?.(next.focus.row, next.focus.col);
  };

  // The cell that the URL names is brought into sight once there is something to see.
  const ready = total > 0 && size.height > 0;
  const started = useRef(false);
  // biome-ignore lint/correctness/useExhaustiveDependencies: once, when the grid is ready
  useLayoutEffect(() => {
    if (!ready || started.current) return;
    started.current = true;
    if (start && (start.row > 0 || start.col > 0)) {
      const row = Math.min(start.row, total - 1);
      go(row * ROW - view / 2, revealColumn(laid, 0, size.width - gutter, start.col));
    }
  }, [ready]);

  const openMenu = () => {
    const name = laid.columns[focus.col]?.column.name;
    if (name) setMenu(name);
  };
  const onKeyDown = (event: KeyboardEvent) => {
    if (event.target !== event.currentTarget || total === 0) return;
    const ctrl = event.ctrlKey || event.metaKey;
    if ((event.altKey && event.key === "ArrowDown") || (!ctrl && event.key.toLowerCase() === "f")) {
      event.preventDefault();
      openMenu();
      return;
    }
    if (event.altKey) return;
    const placed = laid.columns[focus.col];
    if (event.key === "Enter" && placed) {
      event.preventDefault();
      onOpen?.(focus.row, placed);
      return;
    }
    const next = press(
      selection,
      { key: event.key, shift: event.shiftKey, ctrl },
      { rows: total, cols: laid.columns.length, page: Math.max(1, Math.floor(view / ROW) - 1) },
    );
    if (!next) return;
    event.preventDefault();
    // Whoever selects everything stays where they are.
    if (event.key === "a") setSelection(next);
    else select(next);
  };

  const lastCol = Math.max(0, laid.columns.length - 1);
  /** Row and column under a point; the row's number stands for all its columns. */
  const spotAt = (x: number, y: number) => {
    const target = document.elementFromPoint(x, y);
    const row = target?.closest<HTMLElement>("[data-row]");
    if (!row || !element.current?.contains(row)) return null;
    const cell = target?.closest<HTMLElement>("[data-col]");
    return { row: Number(row.dataset.row), col: cell ? Number(cell.dataset.col) : null };
  };
  const onPointerDown = (event: PointerEvent) => {
    const spot = event.button === 0 ? spotAt(event.clientX, event.clientY) : null;
    if (!spot) return;
    const wholeRows = spot.col === null;
    const to = { row: spot.row, col: spot.col ?? lastCol };
    const from = event.shiftKey ? selection.anchor : { ...to, col: wholeRows ? 0 : to.col };
    if (event.pointerType === "mouse") drag.current = { x: event.clientX, y: event.clientY, rows: wholeRows };
    if (wholeRows) {
      // By row: nothing is moved sideways.
      setSelection({ anchor: { ...from, col: 0 }, focus: to });
      setMessage("");
    } else select({ anchor: from, focus: to });
  };
  const drag = useDrag({
    // Beyond an edge the nearest cell inside counts.
    extend: (x, y) => {
      const node = element.current;
      if (!node) return;
      const box = node.getBoundingClientRect();
      const left = box.left + gutter + laid.pinnedWidth;
      const spot = spotAt(
        drag.current?.rows ? box.left + 4 : clamp(x, left + 2, box.left + node.clientWidth - 2),
        clamp(y, box.top + HEAD + 2, box.top + HEAD + view - 2),
      );
      if (!spot) return;
      const to = { row: spot.row, col: drag.current?.rows ? lastCol : (spot.col ?? focus.col) };
      if (to.row === focus.row && to.col === focus.col) return;
      setSelection((old) => ({ anchor: old.anchor, focus: to }));
      setMessage("");
      onCell?.(to.row, to.col);
    },
    scroll: (x, y) => {
      const node = element.current;
      if (!node) return false;
      const box = node.getBoundingClientRect();
      const down = beyond(y, box.top + HEAD, box.top + HEAD + view);
      const right = drag.current?.rows ? 0 : beyond(x, box.left + gutter, box.left + node.clientWidth);
      if (down === 0 && right === 0) return false;
      // The further out, the faster.
      go(at.current.top + clamp(down / 2, -64, 64), node.scrollLeft + clamp(right / 2, -48, 48));
      return true;
    },
  });
  const onDoubleClick = (event: MouseEvent) => {
    const spot = spotAt(event.clientX, event.clientY);
    const placed = spot?.col != null && laid.columns[spot.col];
    if (spot && placed) onOpen?.(spot.row, placed);
  };

  const onCopy = (event: ClipboardEvent) => {
    const wanted = laid.columns.slice(marked.left, marked.right + 1);
    const bottom = Math.min(marked.bottom, total - 1);
    const found = [];
    for (let row = marked.top; row <= bottom && found.length <= COPY_ROWS; row += 1) {
      const cells = rows.rowAt(row);
      if (!cells) break;
      found.push(wanted.map((placed) => cells[placed.at] ?? null));
    }
    const size = `${plural(found.length, "row")} × ${plural(wanted.length, "column")}`;
    event.preventDefault();
    if (found.length === bottom - marked.top + 1 && found.length <= COPY_ROWS) {
      event.clipboardData.setData("text/plain", tsv(found));
      setMessage(`Copied ${size}.`);
      return;
    }
    // The clipboard can only be written within the event, and fetching takes longer than that.
    setMessage("Fetching the selected rows…");
    rows.ensure(marked.top, bottom + 1).then(
      (fits) =>
        setMessage(
          fits
            ? "The selected rows are here now: copy once more."
            : `Nothing was copied: at most ${count(COPY_ROWS)} rows can be copied at a time.`,
        ),
      () => setMessage("The selected rows could not be fetched. Nothing was copied."),
    );
  };

  const choose = (next: Look) => {
    setLook(next);
    onLook?.(next);
  };
  const actions: HeadActions = {
    sort: onSort,
    toggleSort: onSort && ((column, keep) => onSort(nextSort(sorts, column, keep))),
    filter: onFilter,
    hide:
      onOrder && order.length > 1 ? (column) => onOrder(order.filter((name) => name !== column)) : undefined,
    move: onOrder && ((column, by) => onOrder(moved(order, column, by))),
    pin: (column) => {
      const next = new Set(pins);
      if (!next.delete(column)) next.add(column);
      choose({ widths, pins: next });
    },
    width: (column, width) => {
      const next = new Map(widths);
      if (width === null) next.delete(column);
      else next.set(column, width);
      choose({ widths: next, pins });
    },
  };

  const inSight =
    focus.row >= seen.first &&
    focus.row < seen.end &&
    (focus.col < laid.pinned || (focus.col >= shown.first && focus.col < shown.end));
  const several = marked.bottom > marked.top || marked.right > marked.left;
  return (
    <div className="grid-frame">
      <div
        ref={element}
        className={rows.fetching ? "grid refetching" : "grid"}
        role="grid"
        aria-label={label}
        aria-rowcount={total + 1}
        aria-colcount={laid.columns.length + 1}
        aria-multiselectable
        aria-readonly
        aria-activedescendant={inSight ? `${id}-${focus.row}-${focus.col}` : undefined}
        tabIndex={0}
        onScroll={onScroll}
        onKeyDown={onKeyDown}
        onPointerDown={onPointerDown}
        onDoubleClick={onDoubleClick}
        onCopy={onCopy}
      >
        <div
          className="grid-canvas"
          role="presentation"
          style={{ height: HEAD + canvasHeight(total), width: gutter + laid.width }}
        >
          <div role="rowgroup" style={{ display: "contents" }}>
            <GridHead
              layout={laid}
              first={shown.first}
              end={shown.end}
              gutter={gutter}
              sorts={sorts}
              actions={actions}
              menu={menu}
              onMenu={(column) => {
                setMenu(column);
                if (column === null) element.current?.focus({ preventScroll: true });
              }}
            />
          </div>
          <div className="grid-rows" role="rowgroup" style={{ height: view }}>
            <div
              className="grid-slab"
              role="presentation"
              style={{ transform: `translateY(${seen.first * ROW - place.top}px)` }}
            >
              {Array.from({ length: Math.max(0, seen.end - seen.first) }, (_, index) => {
                const row = seen.first + index;
                const selected = row >= marked.top && row <= marked.bottom;
                return (
                  <GridRow
                    key={row}
                    grid={id}
                    row={row}
                    cells={rows.rowAt(row)}
                    columns={laid.columns}
                    pinned={laid.pinned}
                    first={shown.first}
                    end={shown.end}
                    gutter={gutter}
                    from={selected ? marked.left : -1}
                    to={selected ? marked.right : -1}
                    active={row === focus.row ? focus.col : -1}
                  />
                );
              })}
            </div>
          </div>
        </div>
      </div>
      {rows.failed && (
        <div
          className="grid-failed"
          style={{ top: HEAD + 1 + Math.max(0, rows.failed.row * ROW - place.top), left: gutter + 1 }}
        >
          {toProblem(rows.failed.error).title}
          <Button variant="default" size="compact-xs" onClick={rows.retry}>
            Retry
          </Button>
        </div>
      )}
      {props.note && <div className="grid-note">{props.note}</div>}
      <div className="grid-foot">
        <span>
          {props.of === undefined || props.of === total
            ? plural(total, "row")
            : `${count(total)} of ${plural(props.of, "row")}`}
        </span>
        {several && (
          <span>
            {plural(marked.bottom - marked.top + 1, "row")} ×{" "}
            {plural(marked.right - marked.left + 1, "column")} selected
          </span>
        )}
        <span role="status">{message}</span>
      </div>
    </div>
  );
}
