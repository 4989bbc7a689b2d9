import type { ReactNode } from "react";
import { Dialog, useReturnFocus } from "../ui/Dialog";
import { count } from "../ui/format";
import { Name } from "../ui/Visible";

/** The dialog around one cell, called after its column and row; it is in the page only while it is open. */
export function CellFrame(props: { column: string; row: number; onClose: () => void; children: ReactNode }) {
  const { column, row, onClose, children } = props;
  useReturnFocus();
  return (
    <Dialog
      opened
      onClose={onClose}
      size="lg"
      title={
        <>
          <Name text={column} /> <span className="dim">of row {count(row + 1)}</span>
        </>
      }
    >
      {children}
    </Dialog>
  );
}
