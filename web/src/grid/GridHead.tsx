import { Menu } from "@mantine/core";
import {
  ArrowDown,
  ArrowLeft,
  ArrowRight,
  ArrowUp,
  ChartColumn,
  ChevronDown,
  EyeOff,
  Filter as FilterIcon,
  FoldHorizontal,
  MoveHorizontal,
  Pin,
  PinOff,
  UnfoldHorizontal,
  X,
} from "lucide-react";
import type { PointerEvent, ReactNode, RefObject } from "react";
import { spelled } from "../ui/invisible";
import { visible } from "../ui/Visible";
import { isNumeric, type Layout, MAX_WIDTH, MIN_WIDTH, orderNote, type Placed } from "./columns";
import type { HeadActions } from "./headActions";
import { useHeadDrag } from "./headDrag";
import type { Sort } from "./view";

interface Props {
  /** The element that scrolls. */
  element: RefObject<HTMLDivElement | null>;
  layout: Layout;
  first: number;
  end: number;
  gutter: number;
  sorts: Sort[];
  actions: HeadActions;
  /** What stands below the name of a column. */
  strip?: (name: string) => ReactNode;
  /** The column whose menu is open. */
  menu: string | null;
  onMenu: (column: string | null) => void;
}

const ICON = 16;

export function GridHead(props: Props) {
  const { element, layout, first, end, gutter, sorts, actions, strip, menu, onMenu } = props;
  const { columns, pinned } = layout;
  const { drag, wasDragged, start } = useHeadDrag(element, layout, gutter, (name, to) =>
    actions.put?.(name, to),
  );
  const gap = (columns[first]?.x ?? 0) - (columns[pinned]?.x ?? 0);
  const head = (placed: Placed, index: number) => (
    <HeadCell
      key={placed.column.name}
      placed={placed}
      index={index}
      lastPinned={index === pinned - 1}
      left={placed.pinned ? gutter + placed.x : undefined}
      sorts={sorts}
      actions={actions}
      strip={strip}
      open={menu === placed.column.name}
      moving={drag?.name === placed.column.name}
      onGrab={actions.put && start}
      wasDragged={wasDragged}
      onMenu={onMenu}
    />
  );
  return (
    <div className="grid-head" role="row" aria-rowindex={1} style={{ width: gutter + layout.width }}>
      <div className="grid-no" role="columnheader" aria-colindex={1} style={{ width: gutter }}>
        <span aria-hidden>#</span>
        <span className="visually-hidden">Row</span>
      </div>
      {columns.slice(0, pinned).map(head)}
      {gap > 0 && <div role="presentation" style={{ flex: "none", width: gap }} />}
      {columns.slice(first, end).map((placed, at) => head(placed, first + at))}
      {drag && <div className="grid-drop" role="presentation" style={{ left: drag.line }} />}
    </div>
  );
}

interface CellProps {
  placed: Placed;
  index: number;
  lastPinned: boolean;
  left: number | undefined;
  sorts: Sort[];
  actions: HeadActions;
  strip?: (name: string) => ReactNode;
  open: boolean;
  /** It is being dragged. */
  moving: boolean;
  onGrab?: (event: PointerEvent<HTMLElement>, placed: Placed) => void;
  /** Whether the click that comes is the end of a drag. */
  wasDragged: () => boolean;
  onMenu: (column: string | null) => void;
}

function HeadCell(props: CellProps) {
  const { placed, index, lastPinned, left, sorts, actions, open, moving, onGrab, wasDragged, onMenu } = props;
  const { name, pg_type } = placed.column;
  const place = sorts.findIndex((sort) => sort.column === name);
  const sort = sorts[place];
  const Arrow = sort?.descending ? ArrowDown : ArrowUp;
  const title = `${spelled(name)}\n${spelled(pg_type)}`;
  const label = (
    <>
      <span className="grid-th-line">
        <span>{visible(name)}</span>
        {sort && <Arrow size={14} aria-hidden className="icon" />}
        {sort && sorts.length > 1 && <span className="grid-th-place">{place + 1}</span>}
      </span>
      <span className="grid-th-type">{visible(pg_type)}</span>
    </>
  );
  const button = (
    <button
      type="button"
      className="grid-th-menu"
      tabIndex={-1}
      aria-label={`Menu of column ${spelled(name)}`}
      onClick={open ? undefined : () => onMenu(name)}
    >
      <ChevronDown size={ICON} aria-hidden />
    </button>
  );
  return (
    <div
      role="columnheader"
      aria-colindex={index + 2}
      aria-sort={
        sort ? (sort.descending ? "descending" : "ascending") : actions.toggleSort ? "none" : undefined
      }
      className={`grid-th${placed.pinned ? " pinned" : ""}${lastPinned ? " last-pinned" : ""}${moving ? " moving" : ""}`}
      style={{ width: placed.width, left }}
    >
      {actions.toggleSort ? (
        <button
          type="button"
          className="grid-th-name"
          tabIndex={-1}
          title={title}
          onPointerDown={(event) => onGrab?.(event, placed)}
          onClick={(event) => wasDragged() || actions.toggleSort?.(name, event.shiftKey)}
        >
          {label}
        </button>
      ) : (
        <div className="grid-th-name" title={title}>
          {label}
        </div>
      )}
      {open ? (
        <HeadMenu placed={placed} sort={sort} sorts={sorts} actions={actions} onClose={() => onMenu(null)}>
          {button}
        </HeadMenu>
      ) : (
        button
      )}
      {props.strip?.(name)}
      <ResizeHandle placed={placed} width={actions.width} />
    </div>
  );
}

interface MenuProps {
  placed: Placed;
  sort: Sort | undefined;
  sorts: Sort[];
  actions: HeadActions;
  onClose: () => void;
  children: ReactNode;
}

/** Everything that a pointer can do to a column, for those who have none (WCAG 2.5.7). */
function HeadMenu({ placed, sort, sorts, actions, onClose, children }: MenuProps) {
  const { name } = placed.column;
  const others = sorts.filter((other) => other.column !== name);
  const numeric = isNumeric(placed.column);
  const order = orderNote(placed.column);
  const resize = (by: number) =>
    actions.width(name, Math.min(Math.max(placed.width + by, MIN_WIDTH), MAX_WIDTH));
  const set = actions.sort;
  return (
    <Menu
      opened
      onClose={onClose}
      position="bottom-end"
      returnFocus={false}
      // Not keydown too: the very key that opens it would close it.
      clickOutsideEvents={["mousedown", "touchstart"]}
    >
      <Menu.Target>{children}</Menu.Target>
      <Menu.Dropdown aria-label={`Column ${spelled(name)}`}>
        {set && (
          <>
            <Menu.Item
              leftSection={<ArrowUp size={ICON} />}
              onClick={() => set([...others, { column: name, descending: false }])}
            >
              {numeric ? "Sort, smallest first" : "Sort ascending"}
            </Menu.Item>
            <Menu.Item
              leftSection={<ArrowDown size={ICON} />}
              onClick={() => set([...others, { column: name, descending: true }])}
            >
              {numeric ? "Sort, largest first" : "Sort descending"}
            </Menu.Item>
            {order && <Menu.Label className="grid-order">{order}</Menu.Label>}
            {sort && (
              <Menu.Item leftSection={<X size={ICON} />} onClick={() => set(others)}>
                Clear sort
              </Menu.Item>
            )}
          </>
        )}
        {actions.filter && (
          <Menu.Item leftSection={<FilterIcon size={ICON} />} onClick={() => actions.filter?.(name)}>
            Filter…
          </Menu.Item>
        )}
        {actions.profile && (
          <Menu.Item leftSection={<ChartColumn size={ICON} />} onClick={() => actions.profile?.(name)}>
            Profile
          </Menu.Item>
        )}
        {set && <Menu.Divider />}
        <Menu.Item
          leftSection={placed.pinned ? <PinOff size={ICON} /> : <Pin size={ICON} />}
          onClick={() => actions.pin(name)}
        >
          {placed.pinned ? "Unpin" : "Pin to the left"}
        </Menu.Item>
        {actions.move && (
          <>
            <Menu.Item leftSection={<ArrowLeft size={ICON} />} onClick={() => actions.move?.(name, -1)}>
              Move left
            </Menu.Item>
            <Menu.Item leftSection={<ArrowRight size={ICON} />} onClick={() => actions.move?.(name, 1)}>
              Move right
            </Menu.Item>
          </>
        )}
        {actions.hide && (
          <Menu.Item leftSection={<EyeOff size={ICON} />} onClick={() => actions.hide?.(name)}>
            Hide
          </Menu.Item>
        )}
        <Menu.Divider />
        <Menu.Item
          leftSection={<UnfoldHorizontal size={ICON} />}
          closeMenuOnClick={false}
          onClick={() => resize(40)}
        >
          Wider
        </Menu.Item>
        <Menu.Item
          leftSection={<FoldHorizontal size={ICON} />}
          closeMenuOnClick={false}
          onClick={() => resize(-40)}
        >
          Narrower
        </Menu.Item>
        <Menu.Item leftSection={<MoveHorizontal size={ICON} />} onClick={() => actions.width(name, null)}>
          Standard width
        </Menu.Item>
      </Menu.Dropdown>
    </Menu>
  );
}

function ResizeHandle({ placed, width }: { placed: Placed; width: HeadActions["width"] }) {
  const start = (event: PointerEvent<HTMLDivElement>) => {
    event.preventDefault();
    const handle = event.currentTarget;
    const from = event.clientX - placed.width;
    handle.setPointerCapture(event.pointerId);
    const move = (next: globalThis.PointerEvent) =>
      width(placed.column.name, Math.min(Math.max(next.clientX - from, MIN_WIDTH), MAX_WIDTH));
    const stop = () => {
      handle.removeEventListener("pointermove", move);
      handle.removeEventListener("pointerup", stop);
      handle.removeEventListener("pointercancel", stop);
    };
    handle.addEventListener("pointermove", move);
    handle.addEventListener("pointerup", stop);
    handle.addEventListener("pointercancel", stop);
  };
  return (
    <div
      className="grid-resize"
      aria-hidden
      onPointerDown={start}
      onDoubleClick={() => width(placed.column.name, null)}
    />
  );
}
