import { ActionIcon } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { ChevronDown, ChevronUp, X } from "lucide-react";
import type { Cell } from "../api/client";
import type { Placed } from "../grid/columns";
import type { RowSet } from "../grid/rows";
import { count } from "../ui/format";
import { visible } from "../ui/Visible";
import { RecordValue } from "./RecordValue";

interface Props {
  row: number;
  total: number;
  rows: RowSet;
  /** Those that are shown first, in their order, then the hidden ones. */
  columns: Pick<Placed, "at" | "column">[];
  onRow: (row: number) => void;
  onOpen: (placed: Pick<Placed, "at" | "column">, cell: Cell | null) => void;
  onClose: () => void;
}

/** One row as a form: all its columns below each other. It follows the grid, and moves it. */
export default function RecordPanel({ row, total, rows, columns, onRow, onOpen, onClose }: Props) {
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
  return (
    <aside className="record" aria-label="Record" onKeyDown={(event) => event.key === "Escape" && onClose()}>
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
                </dd>
              </div>
            );
          })}
        </dl>
      </div>
    </aside>
  );
}
