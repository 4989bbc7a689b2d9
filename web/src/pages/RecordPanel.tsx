import { ActionIcon, Tooltip } from "@mantine/core";
import { ChevronDown, ChevronUp, X } from "lucide-react";
import type { Cell } from "../api/client";
import type { Placed } from "../grid/columns";
import { count } from "../ui/format";
import { visible } from "../ui/Visible";
import { RecordValue } from "./RecordValue";

interface Props {
  row: number;
  total: number;
  /** undefined: not here yet. */
  cells: (Cell | null)[] | undefined;
  /** Those that are shown first, in their order, then the hidden ones. */
  columns: Pick<Placed, "at" | "column">[];
  onRow: (row: number) => void;
  onOpen: (placed: Pick<Placed, "at" | "column">) => void;
  onClose: () => void;
}

/** One row as a form: all its columns below each other. It follows the grid, and moves it. */
export default function RecordPanel({ row, total, cells, columns, onRow, onOpen, onClose }: Props) {
  return (
    <aside className="record" aria-label="Record" onKeyDown={(event) => event.key === "Escape" && onClose()}>
      <div className="row spread" style={{ flexWrap: "nowrap" }}>
        <h3 style={{ margin: 0 }} aria-live="polite">
          Row {count(row + 1)} <span className="dim small">of {count(total)}</span>
        </h3>
        <div className="row" style={{ gap: 4, flexWrap: "nowrap" }}>
          <Tooltip label="Previous row">
            <ActionIcon
              variant="default"
              size={30}
              aria-label="Previous row"
              disabled={row === 0}
              onClick={() => onRow(row - 1)}
            >
              <ChevronUp size={16} />
            </ActionIcon>
          </Tooltip>
          <Tooltip label="Next row">
            <ActionIcon
              variant="default"
              size={30}
              aria-label="Next row"
              disabled={row >= total - 1}
              onClick={() => onRow(row + 1)}
            >
              <ChevronDown size={16} />
            </ActionIcon>
          </Tooltip>
          <ActionIcon variant="subtle" color="gray" size={30} aria-label="Close the record" onClick={onClose}>
            <X size={16} />
          </ActionIcon>
        </div>
      </div>
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: it scrolls, so the keyboard must reach it */}
      <div className="record-fields" tabIndex={0} aria-label="Columns of the row" role="group">
        <dl>
          {columns.map((placed) => (
            <div key={placed.column.name}>
              <dt>
                <span>{visible(placed.column.name)}</span>{" "}
                <span className="dim small">{visible(placed.column.pg_type)}</span>
              </dt>
              <dd>
                {cells ? (
                  <RecordValue
                    key={row}
                    cell={cells[placed.at] ?? null}
                    type={placed.column.pg_type}
                    onOpen={() => onOpen(placed)}
                  />
                ) : (
                  <span className="grid-wait" />
                )}
              </dd>
            </div>
          ))}
        </dl>
      </div>
    </aside>
  );
}
