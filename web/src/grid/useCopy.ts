// What is copied of a selection, with or without the names of its columns.
import { type ClipboardEvent, useRef, useState } from "react";
import type { Cell } from "../api/client";
import { writeText } from "../ui/Copy";
import { count, plural } from "../ui/format";
import { tsv } from "./cell";
import type { Placed } from "./columns";
import { COPY_ROWS, type RowSet } from "./rows";

interface Marked {
  top: number;
  bottom: number;
  left: number;
  right: number;
}

const NOT_FETCHED = "The selected rows could not be fetched. Nothing was copied.";

export function useCopy(rows: RowSet, columns: Placed[], marked: Marked, total: number) {
  const [message, setMessage] = useState("");
  const wanted = columns.slice(marked.left, marked.right + 1);
  const bottom = Math.min(marked.bottom, total - 1);

  /** The cells of the selection; null unless all its rows are here. */
  const cells = () => {
    if (bottom - marked.top + 1 > COPY_ROWS) return null;
    const found: (Cell | null)[][] = [];
    for (let row = marked.top; row <= bottom; row += 1) {
      const all = rows.rowAt(row);
      const some = wanted.map((placed) => all?.[placed.at]);
      if (!some.every((cell) => cell !== undefined)) return null;
      found.push(some);
    }
    return found;
  };
  const textOf = (found: NonNullable<ReturnType<typeof cells>>, headers: boolean) =>
    tsv(headers ? [wanted.map(({ column }) => column.name), ...found] : found);
  const size = `${plural(bottom - marked.top + 1, "row")} × ${plural(wanted.length, "column")}`;
  const told = (headers: boolean) => `Copied ${size}${headers ? " with their names" : ""}.`;

  /** Fetches what is selected; false, and a word why, where that can't be. */
  const fetchAll = async () => {
    setMessage("Fetching the selected rows…");
    try {
      if (
        await rows.ensure(
          marked.top,
          bottom + 1,
          wanted.map((placed) => placed.at),
        )
      ) {
        setMessage("");
        return true;
      }
      setMessage(`At most ${count(COPY_ROWS)} rows can be taken at a time. Nothing was copied.`);
    } catch {
      setMessage(NOT_FETCHED);
    }
    return false;
  };

  /** Only the newest copy may write the clipboard. */
  const newest = useRef(0);
  const copy = async (headers: boolean) => {
    newest.current += 1;
    const turn = newest.current;
    if (!cells() && !(await fetchAll())) return;
    if (turn !== newest.current) return;
    const found = cells();
    if (!found) {
      setMessage(NOT_FETCHED);
      return;
    }
    const done = await writeText(textOf(found, headers));
    if (turn === newest.current)
      setMessage(done ? told(headers) : "The selected rows are here now: copy once more.");
  };
  const onCopy = (event: ClipboardEvent) => {
    event.preventDefault();
    const found = cells();
    if (!found) {
      // Rows that are still on their way, as after a jump, are waited for.
      void copy(false);
      return;
    }
    newest.current += 1;
    event.clipboardData.setData("text/plain", textOf(found, false));
    setMessage(told(false));
  };
  return { message, setMessage, cells, fetchAll, onCopy, copy };
}
