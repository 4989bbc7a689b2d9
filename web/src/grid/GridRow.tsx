import { memo } from "react";
import type { Cell } from "../api/client";
import type { Row } from "./blocks";
import { cellText } from "./cell";
import { isNumeric, type Placed } from "./columns";
import type { ChangeKind, RowMark } from "./diffRows";

interface Props {
  grid: string;
  row: number;
  /** undefined: not fetched yet. */
  cells: Row | undefined;
  /** Where two versions are compared. */
  mark?: RowMark;
  columns: Placed[];
  pinned: number;
  first: number;
  end: number;
  gutter: number;
  /** Selected columns of this row: `from` up to and with `to`; -1 for none. */
  from: number;
  to: number;
  /** The column of the focus, if it is in this row; else -1. */
  active: number;
}

export const GridRow = memo(function GridRow(props: Props) {
  const { grid, row, cells, mark, columns, pinned, first, end, gutter, from, to, active } = props;
  const cell = (placed: Placed, index: number) => {
    const selected = index >= from && index <= to;
    const value = cells?.[placed.at];
    const became = mark?.cells[placed.at] ?? "same";
    const className = [
      "grid-cell",
      isNumeric(placed.column) && "num",
      selected && "selected",
      placed.pinned && "pinned",
      index === pinned - 1 && "last-pinned",
      index === active && "active",
      became !== "same" && `cell-${became}`,
    ]
      .filter(Boolean)
      .join(" ");
    return (
      <div
        key={placed.column.name}
        id={`${grid}-${row}-${index}`}
        role="gridcell"
        aria-colindex={index + 2}
        aria-selected={selected}
        className={className}
        data-col={index}
        style={{ width: placed.width, left: placed.pinned ? gutter + placed.x : undefined }}
      >
        {value === undefined ? (
          <span className="grid-wait" />
        ) : became === "changed" ? (
          <Changed before={mark?.before?.[placed.at] ?? null} after={value} />
        ) : became === "absent" ? (
          <span className="dim" title="This version has no such column">
            –
          </span>
        ) : (
          cellText(value)
        )}
      </div>
    );
  };
  const gap = (columns[first]?.x ?? 0) - (columns[pinned]?.x ?? 0);
  return (
    <div
      className={mark ? `grid-row row-${mark.kind}` : "grid-row"}
      role="row"
      aria-rowindex={row + 2}
      data-row={row}
    >
      <div className="grid-no" role="rowheader" aria-colindex={1} style={{ width: gutter }}>
        {mark && <Sign kind={mark.kind} />}
        {(row + 1).toLocaleString("en-US")}
      </div>
      {columns.slice(0, pinned).map(cell)}
      {gap > 0 && <div role="presentation" style={{ flex: "none", width: gap }} />}
      {columns.slice(first, end).map((placed, at) => cell(placed, first + at))}
    </div>
  );
});

const SIGNS: Record<ChangeKind, string> = { added: "+", removed: "−", changed: "~" };

/** A sign that is seen, and the word for it that is heard. */
function Sign({ kind }: { kind: ChangeKind }) {
  return (
    <span className="row-sign">
      <span aria-hidden>{SIGNS[kind]}</span>
      <span className="visually-hidden">{kind} </span>
    </span>
  );
}

/** A cell as it was and as it is. */
function Changed({ before, after }: { before: Cell | null; after: Cell | null }) {
  return (
    <>
      <span className="visually-hidden">was </span>
      <del>{cellText(before)}</del>
      <span className="visually-hidden">, is</span> <ins>{cellText(after)}</ins>
    </>
  );
}
