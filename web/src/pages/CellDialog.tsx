import { Button, Group } from "@mantine/core";
import { Download, ListFilter } from "lucide-react";
import { useState } from "react";
import type { Cell } from "../api/client";
import type { Placed } from "../grid/columns";
import { indent } from "../grid/json";
import { type Filter, filterByValue } from "../grid/view";
import { CopyButton } from "../ui/Copy";
import { bytes, plural } from "../ui/format";
import { visible } from "../ui/Visible";
import { CellFrame } from "./CellFrame";

interface Props {
  row: number;
  placed: Pick<Placed, "at" | "column">;
  cell: Cell | null;
  /** Where the whole of a large cell can be had. */
  href: string;
  onFilter: (filter: Filter) => void;
  onClose: () => void;
}

/** A whole value, exactly as PostgreSQL prints it. */
export default function CellDialog({ row, placed, cell, href, onFilter, onClose }: Props) {
  const text = typeof cell === "string" ? cell : cell && "hex" in cell ? `\\x${cell.hex}` : null;
  const filter = filterByValue(placed.column.name, cell);
  const [indented, setIndented] = useState(true);
  const json = text !== null && /^jsonb?$/.test(placed.column.pg_type) ? indent(text) : null;
  const shown = indented && json !== null ? json : text;
  return (
    <CellFrame column={placed.column.name} row={row} onClose={onClose}>
      <p className="dim small" style={{ marginTop: 0 }}>
        <span className="mono">{visible(placed.column.pg_type)}</span>
        {typeof cell === "string" && `, ${plural([...cell].length, "character")}`}
        {cell && typeof cell === "object" && "hex" in cell && ", bytes that are no UTF-8"}
      </p>
      {(filter || json !== null) && (
        <div className="row" style={{ marginBottom: 12 }}>
          {filter && (
            <Button
              variant="default"
              size="xs"
              leftSection={<ListFilter size={14} />}
              onClick={() => onFilter(filter)}
            >
              {cell === null ? "Only rows with NULL here" : "Only rows with this value"}
            </Button>
          )}
          {json !== null && (
            <div className="switch" role="group" aria-label="Shown as">
              <button type="button" aria-pressed={indented} onClick={() => setIndented(true)}>
                Indented
              </button>
              <button type="button" aria-pressed={!indented} onClick={() => setIndented(false)}>
                As stored
              </button>
            </div>
          )}
        </div>
      )}
      {cell === null && <em className="dim">NULL</em>}
      {text !== null && (
        <div className="code">
          {/* biome-ignore lint/a11y/noNoninteractiveTabindex: it scrolls, so the keyboard must reach it */}
          <pre tabIndex={0} role="group" aria-label="Value">
            {text === "" ? <span className="dim">""</span> : visible(shown ?? "", true)}
          </pre>
          <CopyButton text={text} label="Copy value" />
        </div>
      )}
      {cell && typeof cell === "object" && "sha256" in cell && (
        <div className="stack">
          <p className="text" style={{ margin: 0 }}>
            {bytes(cell.length)}, too large to be shown as a whole. It begins with:
          </p>
          <div className="code">
            {/* biome-ignore lint/a11y/noNoninteractiveTabindex: it scrolls, so the keyboard must reach it */}
            <pre tabIndex={0} role="group" aria-label="Beginning of the value">
              {visible(cell.preview, true)}…
            </pre>
          </div>
          <p className="text" style={{ margin: 0 }}>
            Its SHA-256 is{" "}
            <span className="mono" style={{ overflowWrap: "anywhere" }}>
              {cell.sha256}
            </span>
            .
          </p>
          <Group>
            <Button component="a" href={href} target="_blank" variant="default">
              Open the whole value
            </Button>
            <Button
              component="a"
              href={href}
              download={placed.column.name}
              variant="default"
              leftSection={<Download size={16} />}
            >
              Download
            </Button>
          </Group>
        </div>
      )}
    </CellFrame>
  );
}
