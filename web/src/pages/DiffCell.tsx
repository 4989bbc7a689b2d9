// A cell of a row that differs, as a whole: as it was and as it is.
import type { Cell } from "../api/client";
import type { Placed } from "../grid/columns";
import type { RowMark } from "../grid/diffRows";
import { CopyButton } from "../ui/Copy";
import { bytes } from "../ui/format";
import { visible } from "../ui/Visible";
import { CellFrame } from "./CellFrame";

interface Props {
  row: number;
  placed: Placed;
  mark: RowMark | undefined;
  /** As it is, or of a row that is gone as it was. */
  cell: Cell | null;
  onClose: () => void;
}

export default function DiffCell({ row, placed, mark, cell, onClose }: Props) {
  const changed = mark?.cells[placed.at] === "changed";
  return (
    <CellFrame column={placed.column.name} row={row} onClose={onClose}>
      {changed && <Side label="Before" cell={mark.before?.[placed.at] ?? null} />}
      <Side label={changed ? "After" : mark?.kind === "removed" ? "Removed" : "Value"} cell={cell} />
    </CellFrame>
  );
}

function Side({ label, cell }: { label: string; cell: Cell | null }) {
  const text = typeof cell === "string" ? cell : cell && "hex" in cell ? `\\x${cell.hex}` : null;
  return (
    <section aria-label={label} style={{ marginBottom: 16 }}>
      <h3 style={{ margin: "0 0 4px" }}>{label}</h3>
      {cell === null && <em className="dim">NULL</em>}
      {text !== null && (
        <div className="code">
          {/* biome-ignore lint/a11y/noNoninteractiveTabindex: it scrolls, so the keyboard must reach it */}
          <pre tabIndex={0} role="group" aria-label={`Value ${label.toLowerCase()}`}>
            {text === "" ? <span className="dim">""</span> : visible(text, true)}
          </pre>
          <CopyButton text={text} label="Copy value" />
        </div>
      )}
      {cell && typeof cell === "object" && "sha256" in cell && (
        <>
          <p className="text" style={{ margin: "0 0 8px" }}>
            {bytes(cell.length)}, too large to be shown as a whole. Its SHA-256 is{" "}
            <span className="mono" style={{ overflowWrap: "anywhere" }}>
              {cell.sha256}
            </span>
            . It begins with:
          </p>
          <div className="code">
            {/* biome-ignore lint/a11y/noNoninteractiveTabindex: it scrolls, so the keyboard must reach it */}
            <pre tabIndex={0} role="group" aria-label={`Beginning of the value ${label.toLowerCase()}`}>
              {visible(cell.preview, true)}…
            </pre>
          </div>
        </>
      )}
    </section>
  );
}
