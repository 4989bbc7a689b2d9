import { ActionIcon } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { ChevronDown, ChevronUp, X } from "lucide-react";
import { Link } from "wouter";
import type { Cell } from "../api/client";
import type { Placed } from "../grid/columns";
import type { RowSet } from "../grid/rows";
import { count } from "../ui/format";
import { visible } from "../ui/Visible";
import { RecordValue } from "./RecordValue";
import type { Way } from "./relations";

interface Props {
  row: number;
  total: number;
  rows: RowSet;
  /** Those that are shown first, in their order, then the hidden ones. */
  columns: Pick<Placed, "at" | "column">[];
  onRow: (row: number) => void;
  onOpen: (placed: Pick<Placed, "at" | "column">, cell: Cell | null) => void;
  onClose: () => void;
  /** The rows that a column of this row refers to. */
  waysTo: (column: string, cellOf: CellOf) => Way[];
  /** The rows that refer to this row. */
  waysFrom: (cellOf: CellOf) => Way[];
  nameOf: (table: string) => string;
}

type CellOf = (column: string) => Cell | null | undefined;

/** One row as a form: all its columns below each other. It follows the grid, and moves it. */
export default function RecordPanel(props: Props) {
  const { row, total, rows, columns, onRow, onOpen, onClose, nameOf } = props;
  const here = rows.rowAt(row);
  const places = columns.map((placed) => placed.at);
  const isWhole = places.every((at) => here?.[at] !== undefined);
  // Of a wide table the grid has only the columns in sight.
  const whole = useQuery({
    queryKey: ["record", rows.scope, row],
    queryFn: async ({ signal }) => (await rows.read(row, 1, signal, places))[0] ?? null,
    enabled: !isWhole,
    staleTime: Number.POSITIVE_INFINITY,
  });
  const cellOf = (at: number) => (here?.[at] === undefined ? whole.data?.[at] : here[at]);
  const named = (name: string) => {
    const placed = columns.find(({ column }) => column.name === name);
    return placed && cellOf(placed.at);
  };
  const referring = props.waysFrom(named);
  return (
    <aside
      className="record"
      aria-label="Record"
      // Ahead of a tooltip inside, which would keep the key to itself.
      onKeyDownCapture={(event) => event.key === "Escape" && onClose()}
    >
      <div className="row spread" style={{ flexWrap: "nowrap" }}>
        <h3 style={{ margin: 0 }} aria-live="polite">
          Row {count(row + 1)} <span className="dim small">of {count(total)}</span>
        </h3>
        <div className="row" style={{ gap: 4, flexWrap: "nowrap" }}>
          <ActionIcon
            variant="default"
            size={30}
            aria-label="Previous row"
            title="Previous row"
            disabled={row === 0}
            onClick={() => onRow(row - 1)}
          >
            <ChevronUp size={16} />
          </ActionIcon>
          <ActionIcon
            variant="default"
            size={30}
            aria-label="Next row"
            title="Next row"
            disabled={row >= total - 1}
            onClick={() => onRow(row + 1)}
          >
            <ChevronDown size={16} />
          </ActionIcon>
          <ActionIcon variant="subtle" color="gray" size={30} aria-label="Close the record" onClick={onClose}>
            <X size={16} />
          </ActionIcon>
        </div>
      </div>
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: it scrolls, so the keyboard must reach it */}
      <div className="record-fields" tabIndex={0} aria-label="Columns of the row" role="group">
        <dl>
          {columns.map((placed) => {
            const cell = cellOf(placed.at);
            return (
              <div key={placed.column.name}>
                <dt>
                  <span>{visible(placed.column.name)}</span>{" "}
                  <span className="dim small">{visible(placed.column.pg_type)}</span>
                </dt>
                <dd>
                  {cell !== undefined ? (
                    <RecordValue
                      key={row}
                      cell={cell}
                      type={placed.column.pg_type}
                      onOpen={() => onOpen(placed, cell)}
                    />
                  ) : (
                    <span className="grid-wait" />
                  )}
                  {props.waysTo(placed.column.name, named).map((way) => (
                    <div key={way.href}>
                      <Link className="link small" to={way.href}>
                        Go to {visible(nameOf(way.table))}
                      </Link>
                    </div>
                  ))}
                </dd>
              </div>
            );
          })}
        </dl>
        {referring.length > 0 && (
          <section aria-labelledby="referring">
            <h4 id="referring">Rows that refer to this one</h4>
            <ul className="references">
              {referring.map((way) => (
                <li key={way.href}>
                  <Link className="link" to={way.href}>
                    {visible(nameOf(way.table))}
                  </Link>{" "}
                  <span className="dim small">by {visible(way.columns.join(", "))}</span>
                </li>
              ))}
            </ul>
          </section>
        )}
      </div>
    </aside>
  );
}
