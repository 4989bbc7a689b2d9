// The rows that differ between two versions, in the grid: what came, what went, and in what changed what each cell was.
import { Button, Checkbox, NativeSelect } from "@mantine/core";
import { ChevronDown, ChevronUp } from "lucide-react";
import { lazy, type ReactNode, Suspense, useRef, useState } from "react";
import type { Diff, Table, VersionName } from "../api/client";
import { code } from "../api/lost";
import { defaultWidth, MAX_WIDTH, type Placed } from "../grid/columns";
import { type ChangeKind, columnNote, stopsOf, useDiffRows } from "../grid/diffRows";
import { Grid } from "../grid/Grid";
import type { GridHandle } from "../grid/gridProps";
import { count, plural } from "../ui/format";
import { spelled } from "../ui/invisible";
import { visible } from "../ui/Visible";
import { ChangeCounts } from "./ChangeCounts";
import "../grid/diff.css";

const DiffCell = lazy(() => code(() => import("./DiffCell")));

const KINDS = ["removed", "added", "changed"] as const;
/** Room for what a cell was, beside what it is, times the usual width. */
const CHANGED_WIDTH = 1.6;
/** What the notes on columns add to the head, px. */
const NOTE = 20;

interface Props {
  table: Table;
  diff: Diff;
  from: VersionName;
  until: VersionName;
}

export function DiffGrid(props: Props) {
  const { diff } = props;
  const [kind, setKind] = useState<ChangeKind | null>(null);
  const [some, setSome] = useState(false);
  const all = diff.added + diff.removed + diff.changed;
  return (
    <div className="stack">
      <Summary diff={diff} />
      {all > 0 && (
        <Rows {...props} kind={kind} some={some}>
          <NativeSelect
            size="xs"
            aria-label="Which changes"
            data={[
              { value: "all", label: `All ${count(all)} changes` },
              ...KINDS.map((one) => ({ value: one, label: `${count(diff[one])} ${one}` })),
            ]}
            value={kind ?? "all"}
            onChange={(event) => setKind(KINDS.find((one) => one === event.currentTarget.value) ?? null)}
          />
          <Checkbox
            size="xs"
            label="Only columns that differ, and the key"
            checked={some}
            onChange={(event) => setSome(event.currentTarget.checked)}
          />
        </Rows>
      )}
    </div>
  );
}

function Summary({ diff }: { diff: Diff }) {
  const columns = diff.columns.filter((column) => column.change !== null);
  return (
    <div>
      <ChangeCounts diff={diff} />{" "}
      <span className="dim">
        {diff.key
          ? `Rows are known by ${diff.key.map(spelled).join(", ")}.`
          : "The table has no key, so a changed row is one removed and one added."}
      </span>
      {columns.map((column) => (
        <div key={`${column.name} ${column.name_before}`} className="small">
          {column.change === "added" && "Added column "}
          {column.change === "removed" && "Removed column "}
          {column.change === "changed" &&
            (column.name_before === column.name ? "Retyped column " : "Renamed column ")}
          <span className="mono">
            {column.change === "changed" && column.name_before !== column.name && (
              <>{visible(column.name_before ?? "")} → </>
            )}
            {visible(column.name)}
          </span>
          {column.change === "changed" && column.pg_type !== column.pg_type_before && (
            <>
              {" "}
              <span className="mono">
                {column.pg_type_before} → {column.pg_type}
              </span>
            </>
          )}
        </div>
      ))}
    </div>
  );
}

interface RowsProps extends Props {
  kind: ChangeKind | null;
  /** Only columns that differ, and the key. */
  some: boolean;
  /** What chooses the rows. */
  children: ReactNode;
}

function Rows({ table, diff, from, until, kind, some, children }: RowsProps) {
  const rows = useDiffRows({ tableId: table.id, from, until, kind }, diff);
  const columns = rows.columns ?? [];
  const total = rows.total ?? 0;
  const grid = useRef<GridHandle>(null);
  const [open, setOpen] = useState<{ row: number; placed: Placed } | null>(null);
  /** Where the last step ended, in words, and among which rows that was. */
  const [told, setTold] = useState({ kind, text: "" });
  const tell = (text: string) => setTold({ kind, text });
  const differing = diff.columns.map(
    (column) => column.change !== null || column.changed_rows > 0 || diff.key?.includes(column.name),
  );
  const order = columns.filter((_, at) => !some || differing[at]).map((column) => column.name);
  const [look] = useState(() => ({
    widths: new Map(
      columns
        .filter((_, at) => (diff.columns[at]?.changed_rows ?? 0) > 0)
        .map((column) => [column.name, Math.min(defaultWidth(column) * CHANGED_WIDTH, MAX_WIDTH)]),
    ),
    pins: new Set(diff.key ?? []),
  }));

  const step = async (by: 1 | -1) => {
    const handle = grid.current;
    if (!handle) return;
    const places = handle.columns().map((placed) => placed.at);
    const here = handle.current();
    // The first step goes to the first change, be it where the grid begins.
    let { row, col } = told.text !== "" && told.kind === kind ? here : { row: 0, col: -1 };
    for (; row >= 0 && row < total; row += by) {
      const mark = await rows.fetchMark(row);
      if (!mark) break;
      const stops = stopsOf(mark, places);
      const next = by > 0 ? stops.find((stop) => stop > col) : stops.findLast((stop) => stop < col);
      if (next !== undefined) {
        handle.goTo(row, next);
        tell(`Row ${count(row + 1)} of ${count(total)}, ${mark.kind}.`);
        return;
      }
      col = by > 0 ? -1 : places.length;
    }
    tell(by > 0 ? "That was the last change." : "That was the first change.");
  };
  const note = (name: string) => {
    const column = diff.columns[columns.findIndex((one) => one.name === name)];
    if (!column) return null;
    const changed = column.changed_rows > 0 ? `${plural(column.changed_rows, "cell")} changed` : "";
    const text = [columnNote(column), changed].filter(Boolean).join(", ");
    const tone = column.change ?? (changed ? "changed" : "");
    return (
      <div className={`column-note ${tone && `${tone}-text`}`} title={spelled(text)}>
        {visible(text)}
      </div>
    );
  };
  return (
    <>
      <div className="row" style={{ columnGap: 12 }}>
        {children}
        <Button
          variant="default"
          size="xs"
          leftSection={<ChevronUp size={14} />}
          onClick={() => void step(-1)}
        >
          Previous change
        </Button>
        <Button
          variant="default"
          size="xs"
          leftSection={<ChevronDown size={14} />}
          onClick={() => void step(1)}
        >
          Next change
        </Button>
        <span className="dim small" aria-live="polite">
          {told.kind === kind && told.text}
        </span>
      </div>
      <div className="diff-grid">
        <Grid
          handle={grid}
          label="Rows that differ"
          columns={columns}
          rows={rows}
          look={look}
          order={order}
          marks={rows.markAt}
          onStep={(by) => void step(by)}
          strip={{ height: NOTE, of: note }}
          onOpen={(row, placed) => rows.rowAt(row) && setOpen({ row, placed })}
        />
      </div>
      {open && (
        <Suspense>
          <DiffCell
            {...open}
            mark={rows.markAt(open.row)}
            cell={rows.rowAt(open.row)?.[open.placed.at] ?? null}
            onClose={() => {
              setOpen(null);
              grid.current?.focus();
            }}
          />
        </Suspense>
      )}
    </>
  );
}
