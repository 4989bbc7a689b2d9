// The grid: rows of any number, columns of any number, in plain DOM. Focus stays on the grid itself
// (`aria-activedescendant`), rows lie in a sticky viewport over a canvas that only makes the scroll bar.
import { Button } from "@mantine/core";
import {
  type CSSProperties,
  type KeyboardEvent,
  lazy,
  type MouseEvent,
  Suspense,
  useEffect,
  useId,
  useImperativeHandle,
  useLayoutEffect,
  useMemo,
  useRef,
  useState,
} from "react";
import { toProblem } from "../api/client";
import { code } from "../api/lost";
import { count } from "../ui/format";
import { layout, revealColumn, visibleColumns } from "./columns";
import { GridFoot } from "./GridFoot";
import { GridHead } from "./GridHead";
import { GridRow } from "./GridRow";
import type { GridProps } from "./gridProps";
import { headActions, type Look } from "./headActions";
import { press, range, type Selection } from "./keys";
import { canvasHeight, ROW, reveal, visibleRows } from "./scroll";
import { useCopy } from "./useCopy";
import { usePointer } from "./usePointer";
import { HEAD, useScroll } from "./useScroll";
import { filterByValue, opposite } from "./view";
import "./grid.css";

const CellMenu = lazy(() => code(() => import("./CellMenu")));

const PLAIN: Look = { widths: new Map(), pins: new Set() };

const ORIGIN: Selection = { anchor: { row: 0, col: 0 }, focus: { row: 0, col: 0 } };

export function Grid(props: GridProps) {
  const {
    handle,
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
    onValue,
    onFind,
    onRecord,
    marks,
    onStep,
    onProfile,
    strip,
    start,
    onCell,
    onOpen,
  } = props;
  const id = useId();
  const element = useRef<HTMLDivElement>(null);
  const [{ widths, pins }, setLook] = useState(look);
  const [given, setGiven] = useState(look);
  if (given !== look) {
    setGiven(look);
    setLook(look);
  }
  const [selection, setSelection] = useState<Selection>(() =>
    start ? { anchor: start, focus: start } : ORIGIN,
  );
  const [menu, setMenu] = useState<string | null>(null);
  const [cellMenu, setCellMenu] = useState<{ x: number; y: number } | null>(null);
  const [going, setGoing] = useState(false);

  const total = rows.total ?? expected ?? 0;
  const head = HEAD + (strip?.height ?? 0);
  const gutter = Math.max(48, count(total).length * 8 + (marks ? 36 : 20));
  const laid = useMemo(() => layout(columns, order, widths, pins), [columns, order, widths, pins]);
  const { at, place, size, view, extent, go, onScroll } = useScroll(element, total, head);
  const seen = visibleRows(place.top, extent);
  const shown = visibleColumns(laid, place.left, size.width - gutter);
  const marked = range(selection);
  const { focus } = selection;
  const { message, setMessage, cells, fetchAll, onCopy, copy } = useCopy(rows, laid.columns, marked, total);

  const { scope } = rows;
  const shownScope = useRef(scope);
  useLayoutEffect(() => {
    if (shownScope.current === scope) return;
    shownScope.current = scope;
    setSelection(({ focus }) => ({ anchor: { ...focus, row: 0 }, focus: { ...focus, row: 0 } }));
    go(0);
  }, [scope, go]);

  const places = [...laid.columns.slice(0, laid.pinned), ...laid.columns.slice(shown.first, shown.end)]
    .map((placed) => placed.at)
    .join();
  useEffect(() => {
    if (seen.end > seen.first && places !== "")
      rows.onVisible(seen.first, seen.end, places.split(",").map(Number));
  }, [rows.onVisible, seen.first, seen.end, places]);

  const draw = (next: Selection) => {
    setSelection(next);
    setMessage("");
    onCell?.(next.focus.row, next.focus.col);
  };
  const select = (next: Selection) => {
    draw(next);
    go(
      reveal(at.current.top, next.focus.row, extent),
      revealColumn(laid, element.current?.scrollLeft ?? 0, size.width - gutter, next.focus.col),
    );
  };
  const goTo = (row: number, col = focus.col, extend = false) => {
    const spot = { row, col };
    select({ anchor: extend ? selection.anchor : spot, focus: spot });
  };
  useImperativeHandle(handle, () => ({
    goTo,
    focus: () => element.current?.focus({ preventScroll: true }),
    current: () => focus,
    columns: () => laid.columns,
  }));

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

  const refocus = () => element.current?.focus({ preventScroll: true });
  const openMenu = () => {
    const name = laid.columns[focus.col]?.column.name;
    if (name) setMenu(name);
  };
  /** Keys that open something; false for those that move. */
  const command = (event: KeyboardEvent): boolean => {
    const key = event.key.toLowerCase();
    const ctrl = event.ctrlKey || event.metaKey;
    const placed = laid.columns[focus.col];
    if ((event.altKey && key === "arrowdown") || (!ctrl && key === "f")) openMenu();
    else if (event.altKey) return false;
    else if (ctrl && key === "f" && onFind) onFind();
    else if (ctrl && key === "g") setGoing(true);
    else if (ctrl && event.shiftKey && key === "c") void copy(true);
    else if (key === " " && onRecord) onRecord();
    else if (!ctrl && key === "n" && onStep) onStep(event.shiftKey ? -1 : 1);
    else if (!ctrl && key === "p" && onProfile && placed) onProfile(placed.column.name);
    else if (key === "enter" && placed) onOpen?.(focus.row, placed);
    else return false;
    return true;
  };
  const onKeyDown = (event: KeyboardEvent) => {
    if (event.target !== event.currentTarget || total === 0) return;
    if (command(event)) {
      event.preventDefault();
      return;
    }
    if (event.altKey) return;
    const next = press(
      selection,
      { key: event.key, shift: event.shiftKey, ctrl: event.ctrlKey || event.metaKey },
      { rows: total, cols: laid.columns.length, page: Math.max(1, Math.floor(view / ROW) - 1) },
    );
    if (!next) return;
    event.preventDefault();
    // Whoever selects everything stays where they are.
    if (event.key === "a") setSelection(next);
    else select(next);
  };

  const { spotAt, onPointerDown, onDoubleClick } = usePointer(
    { element, layout: laid, gutter, head, view, selection },
    {
      scroll: (down, right) => go(at.current.top + down, (element.current?.scrollLeft ?? 0) + right),
      select,
      draw,
      open: ({ row, col }) => {
        const placed = laid.columns[col];
        if (placed) onOpen?.(row, placed);
      },
    },
  );
  const onContextMenu = (event: MouseEvent) => {
    if (total === 0) return;
    const spot = spotAt(event.clientX, event.clientY);
    // By key it belongs to the current cell, wherever the browser thinks the pointer is.
    const byKey = event.button !== 2;
    if (!byKey && spot?.col == null) return;
    event.preventDefault();
    let at = { x: event.clientX, y: event.clientY };
    if (byKey || !spot || spot.col === null) {
      const box = document.getElementById(`${id}-${focus.row}-${focus.col}`)?.getBoundingClientRect();
      if (box) at = { x: box.left + 8, y: box.bottom };
    } else {
      const { row, col } = spot;
      const inside = row >= marked.top && row <= marked.bottom && col >= marked.left && col <= marked.right;
      if (!inside) draw({ anchor: { row, col }, focus: { row, col } });
    }
    setCellMenu(at);
  };
  const current = laid.columns[focus.col];
  const cell = current && rows.rowAt(focus.row)?.[current.at];
  const filterBy = current && cell !== undefined ? filterByValue(current.column.name, cell) : null;

  const choose = (next: Look) => {
    setLook(next);
    onLook?.(next);
  };
  const actions = headActions(
    { layout: laid, order, sorts, widths, pins },
    { onSort, onFilter, onProfile, onOrder, onLook: choose },
  );

  const inSight =
    focus.row >= seen.first &&
    focus.row < seen.end &&
    (focus.col < laid.pinned || (focus.col >= shown.first && focus.col < shown.end));
  return (
    <div className="grid-frame" style={{ "--grid-head": `${head}px` } as CSSProperties}>
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
        onContextMenu={onContextMenu}
        onCopy={onCopy}
      >
        <div
          className="grid-canvas"
          role="presentation"
          style={{ height: head + canvasHeight(total), width: gutter + laid.width }}
        >
          <div role="rowgroup" style={{ display: "contents" }}>
            <GridHead
              element={element}
              layout={laid}
              first={shown.first}
              end={shown.end}
              gutter={gutter}
              sorts={sorts}
              actions={actions}
              strip={strip?.of}
              menu={menu}
              onMenu={(column) => {
                setMenu(column);
                if (column === null) refocus();
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
                    mark={marks?.(row)}
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
          style={{ top: head + 1 + Math.max(0, rows.failed.row * ROW - place.top), left: gutter + 1 }}
        >
          {toProblem(rows.failed.error).title}
          <Button variant="default" size="compact-xs" onClick={rows.retry}>
            Retry
          </Button>
        </div>
      )}
      {props.note && <div className="grid-note">{props.note}</div>}
      {cellMenu && (
        <Suspense>
          <CellMenu
            {...cellMenu}
            onOpen={onOpen && current && (() => onOpen(focus.row, current))}
            onRecord={onRecord}
            ways={current && props.ways?.(focus.row, current)}
            onFilter={onValue && filterBy ? (not) => onValue(not ? opposite(filterBy) : filterBy) : undefined}
            onCopy={(headers) => void copy(headers)}
            onClose={() => {
              setCellMenu(null);
              refocus();
            }}
          />
        </Suspense>
      )}
      <GridFoot
        total={total}
        of={props.of}
        marked={marked}
        columns={laid.columns}
        message={message}
        cells={cells}
        fetchAll={fetchAll}
        onCopy={(headers) => void copy(headers)}
        going={going}
        onGoing={setGoing}
        onRow={(row, extend) => {
          if (row !== null) goTo(row, focus.col, extend);
          refocus();
        }}
      />
    </div>
  );
}
