// One value, as it is shown and as it is copied.
import type { ReactNode } from "react";
import type { Cell } from "../api/client";
import { bytes } from "../ui/format";
import { visible } from "../ui/Visible";

/** What fits into a grid cell at its widest; the whole opens with Enter. */
const SHOWN = 300;

export function cellText(cell: Cell | null): ReactNode {
  if (cell === null) return <em className="null">NULL</em>;
  if (typeof cell === "string") {
    if (cell === "") return <span className="dim">""</span>;
    // Not in the middle of a character.
    return visible(cell.length > SHOWN ? `${cell.slice(0, SHOWN).replace(/[\uD800-\uDBFF]$/, "")}…` : cell);
  }
  if ("hex" in cell) return <span className="dim">{`\\x${cell.hex.slice(0, SHOWN)}`}</span>;
  return (
    <>
      {visible(cell.preview)}
      <span className="dim">… {bytes(cell.length)}</span>
    </>
  );
}

/** For a spreadsheet: NULL is nothing, the empty string is a pair of quotes, what would break a row is quoted. */
function tsvField(cell: Cell | null): string {
  if (cell === null) return "";
  if (typeof cell === "object") {
    return "hex" in cell ? `\\x${cell.hex}` : tsvField(`${cell.preview}… [${cell.length} bytes]`);
  }
  return cell === "" || /["\t\r\n]/.test(cell) ? `"${cell.replaceAll('"', '""')}"` : cell;
}

export const tsv = (rows: (Cell | null)[][]) => rows.map((row) => row.map(tsvField).join("\t")).join("\n");
