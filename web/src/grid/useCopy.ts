// What is copied of a selection, with or without the names of its columns.
import { type ClipboardEvent, useState } from "react";
import type { Cell } from "../api/client";
import { copyText } from "../ui/Copy";
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
      setMessage("The selected rows could not be fetched. Nothing was copied.");
    }
    return false;
  };

  const onCopy = (event: ClipboardEvent) => {
    event.preventDefault();
    const found = cells();
    if (found) {
      event.clipboardData.setData("text/plain", textOf(found, false));
      setMessage(told(false));
      return;
    }
    // The clipboard can only be written within the event, and fetching takes longer than that.
    void fetchAll().then((here) => here && setMessage("The selected rows are here now: copy once more."));
  };
  const copy = async (headers: boolean) => {
    if (!cells() && !(await fetchAll())) return;
    const found = cells();
    if (!found) return;
    // Browsers let a page write the clipboard for a few seconds after a key or a click.
    const done = copyText(textOf(found, headers));
    setMessage(done ? told(headers) : "The selected rows are here now: copy once more.");
  };
  return { message, setMessage, cells, fetchAll, onCopy, copy };
}
