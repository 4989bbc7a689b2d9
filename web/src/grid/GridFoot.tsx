// Below the rows: how many there are, the way to one of them, and what the selection comes to.
import { type FormEvent, type KeyboardEvent, lazy, Suspense, useState } from "react";
import type { Cell } from "../api/client";
import { code } from "../api/lost";
import { count, plural } from "../ui/format";
import type { Placed } from "./columns";

const SelectionSummary = lazy(() => code(() => import("./SelectionSummary")));

interface Props {
  total: number;
  /** Of how many, where filters leave some out. */
  of?: number;
  marked: { top: number; bottom: number; left: number; right: number };
  columns: Placed[];
  message: string;
  /** The cells of the selection; null unless they are all here. */
  cells: () => (Cell | null)[][] | null;
  fetchAll: () => Promise<boolean>;
  onCopy: (headers: boolean) => void;
  /** The field for a row's number is open. */
  going: boolean;
  onGoing: (going: boolean) => void;
  /** The row that was asked for, or up to which is selected; null if somebody thought better of it. */
  onRow: (row: number | null, extend: boolean) => void;
}

/** Fewer rows are reached by scrolling. */
const MANY = 100;

export function GridFoot(props: Props) {
  const { total, of, marked, columns, message, going, onGoing, onCopy } = props;
  const rows = marked.bottom - marked.top + 1;
  const wide = marked.right - marked.left + 1;
  return (
    <div className="grid-foot">
      <span>
        {of === undefined || of === total ? plural(total, "row") : `${count(total)} of ${plural(of, "row")}`}
      </span>
      {total >= MANY &&
        (going ? (
          <GoToRow
            total={total}
            onLeave={() => onGoing(false)}
            onRow={(row, extend) => {
              onGoing(false);
              props.onRow(row, extend);
            }}
          />
        ) : (
          <button type="button" className="plain-link" onClick={() => onGoing(true)}>
            Go to row…
          </button>
        ))}
      {rows * wide > 1 && (
        <>
          <span>
            {plural(rows, "row")} × {plural(wide, "column")} selected
          </span>
          <Suspense>
            <SelectionSummary
              key={`${marked.top} ${marked.bottom} ${marked.left} ${marked.right}`}
              columns={columns.slice(marked.left, marked.right + 1)}
              cells={props.cells}
              fetchAll={props.fetchAll}
            />
          </Suspense>
          <button type="button" className="plain-link" onClick={() => onCopy(true)}>
            Copy with headers
          </button>
        </>
      )}
      <span role="status">{message}</span>
    </div>
  );
}

interface GoProps {
  total: number;
  onRow: Props["onRow"];
  /** The focus went elsewhere. */
  onLeave: () => void;
}

function GoToRow({ total, onRow, onLeave }: GoProps) {
  const [text, setText] = useState("");
  const [wrong, setWrong] = useState("");
  const submit = (event: FormEvent | KeyboardEvent, extend = false) => {
    event.preventDefault();
    const row = Number(text.replace(/[\s,._']/g, ""));
    if (!Number.isSafeInteger(row) || row < 1) setWrong("That is not a row's number.");
    else if (row > total) setWrong(`There are ${plural(total, "row")}.`);
    else onRow(row - 1, extend);
  };
  return (
    <form className="grid-go" onSubmit={(event) => submit(event)}>
      <label>
        Go to row{" "}
        <input
          // biome-ignore lint/a11y/noAutofocus: it was asked for by key or button
          autoFocus
          inputMode="numeric"
          autoComplete="off"
          value={text}
          aria-invalid={wrong !== ""}
          onChange={(event) => {
            setText(event.currentTarget.value);
            setWrong("");
          }}
          onKeyDown={(event) => {
            if (event.key === "Escape") onRow(null, false);
            else if (event.key === "Enter" && event.shiftKey) submit(event, true);
          }}
          title="With Shift and Enter all rows up to it are selected"
          onBlur={() => text === "" && onLeave()}
        />
      </label>
      <span role="alert">{wrong}</span>
    </form>
  );
}
