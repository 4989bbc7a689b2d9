// One table: where it comes from, its filters, its rows.
import { Button, Checkbox, Popover } from "@mantine/core";
import { Columns3 } from "lucide-react";
import { useEffect, useRef, useState } from "react";
import { useSearchParams } from "wouter";
import { type Cell, type Column, type Job, type Model, type Table, toProblem } from "../api/client";
import type { Placed } from "../grid/columns";
import { FilterBar } from "../grid/Filters";
import { Grid } from "../grid/Grid";
import { useRows } from "../grid/rows";
import {
  type Filter,
  formatCell,
  formatFilter,
  formatSort,
  joinWords,
  parseCell,
  parseFilter,
  parseSort,
  type Sort,
  words,
} from "../grid/view";
import { Empty } from "../ui/Async";
import { spelled } from "../ui/invisible";
import { ProblemNotice } from "../ui/Notice";
import { visible } from "../ui/Visible";
import { CellDialog } from "./CellDialog";
import { SourceBadge } from "./SourceBadge";

interface Props {
  model: Model;
  table: Table;
  jobs: Job[];
}

/** What the URL says is looked at, and how to change it. */
function useView() {
  const [search, setSearch] = useSearchParams();
  const set = (name: string, values: string | string[] | null) =>
    setSearch(
      (old) => {
        const next = new URLSearchParams(old);
        next.delete(name);
        for (const value of [values ?? []].flat()) if (value !== "") next.append(name, value);
        return next;
      },
      { replace: true },
    );
  const version = Number(search.get("v"));
  return {
    version: Number.isSafeInteger(version) && version > 0 ? version : null,
    sorts: parseSort(search.get("sort")),
    filters: search.getAll("f").flatMap((text) => parseFilter(text) ?? []),
    shown: search.has("cols") ? words(search.get("cols")) : null,
    cell: parseCell(search.get("cell")),
    setSorts: (sorts: Sort[]) => set("sort", formatSort(sorts)),
    setFilters: (filters: Filter[]) => set("f", filters.map(formatFilter)),
    setShown: (names: string[] | null) => set("cols", names && joinWords(names)),
    setCell: (row: number, col: number) => set("cell", formatCell(row, col)),
  };
}

export function TableView({ model, table, jobs }: Props) {
  const view = useView();
  const version = view.version ?? table.version ?? 1;
  const old = table.version !== null && version !== table.version;
  const rows = useRows(table.id, version, view.sorts, view.filters);
  const columns = rows.columns ?? table.columns;
  const names = columns.map((column) => column.name);
  const order = view.shown?.filter((name) => names.includes(name)) ?? names;
  const [filtering, setFiltering] = useState<string | null>(null);
  const [open, setOpen] = useState<{ row: number; placed: Placed; cell: Cell | null } | null>(null);
  const start = useRef(view.cell).current;

  // The URL follows the cell when it rests: browsers refuse a hundred changes in a row.
  const pending = useRef<ReturnType<typeof setTimeout>>(undefined);
  useEffect(() => () => clearTimeout(pending.current), []);
  const onCell = (row: number, col: number) => {
    clearTimeout(pending.current);
    pending.current = setTimeout(() => view.setCell(row, col), 400);
  };

  let note = null;
  if (rows.error) {
    note = (
      <ProblemNotice problem={toProblem(rows.error)}>
        <Button variant="default" onClick={rows.retry}>
          Retry
        </Button>
        {view.filters.length > 0 && (
          <Button variant="default" onClick={() => view.setFilters([])}>
            Clear filters
          </Button>
        )}
      </ProblemNotice>
    );
  } else if (rows.total === 0) {
    note =
      view.filters.length > 0 ? (
        <Empty
          title="No row matches"
          action={
            <Button variant="default" onClick={() => view.setFilters([])}>
              Clear filters
            </Button>
          }
        />
      ) : (
        <Empty title="This table has no rows">
          <p>
            It was empty when it was read{old ? "" : ", or row-level security hides its rows from the role"}.
          </p>
        </Empty>
      );
  }

  return (
    <section className="table-view" aria-label={spelled(table.name)}>
      <SourceBadge model={model} table={table} jobs={jobs} version={version} />
      <div className="row spread" style={{ alignItems: "flex-start" }}>
        <FilterBar
          columns={columns}
          filters={view.filters}
          onChange={view.setFilters}
          opened={filtering}
          onOpen={setFiltering}
        />
        <ColumnsMenu columns={columns} order={order} onOrder={view.setShown} />
      </div>
      <Grid
        scope={`${formatSort(view.sorts)} ${view.filters.map(formatFilter).join("&")}`}
        label={`Rows of ${spelled(table.name)}`}
        columns={columns}
        rows={rows}
        expected={old || view.filters.length > 0 ? undefined : table.rows}
        order={order}
        onOrder={view.setShown}
        sorts={view.sorts}
        onSort={view.setSorts}
        onFilter={setFiltering}
        start={start}
        onCell={onCell}
        onOpen={(row, placed) => {
          const cells = rows.rowAt(row);
          if (cells) setOpen({ row, placed, cell: cells[placed.at] ?? null });
        }}
        note={note}
      />
      {open && (
        <CellDialog
          {...open}
          // The whole of a large cell is asked for by its row's number in the order of the import.
          href={
            view.sorts.length === 0 && view.filters.length === 0
              ? `/api/v1/tables/${table.id}/cell?${new URLSearchParams({
                  row: String(open.row),
                  column: open.placed.column.name,
                  version: String(version),
                })}`
              : null
          }
          onClose={() => setOpen(null)}
        />
      )}
    </section>
  );
}

function ColumnsMenu(props: {
  columns: Column[];
  order: string[];
  onOrder: (order: string[] | null) => void;
}) {
  const { columns, order, onOrder } = props;
  const shown = new Set(order);
  const toggle = (name: string) => {
    if (!shown.has(name)) {
      // Back to where it was in the table, among those that are shown.
      const names = columns.map((column) => column.name);
      const at = order.findIndex((other) => names.indexOf(other) > names.indexOf(name));
      onOrder(at < 0 ? [...order, name] : order.toSpliced(at, 0, name));
    } else if (order.length > 1) {
      onOrder(order.filter((other) => other !== name));
    }
  };
  const hidden = columns.length - order.length;
  return (
    <Popover position="bottom-end" trapFocus withinPortal>
      <Popover.Target>
        <Button variant="default" size="xs" leftSection={<Columns3 size={16} />}>
          {hidden > 0 ? `Columns, ${hidden} hidden` : "Columns"}
        </Button>
      </Popover.Target>
      <Popover.Dropdown>
        <div className="stack" style={{ gap: 8, maxHeight: 360, overflow: "auto", padding: 2 }}>
          {columns.map(({ name }) => (
            <Checkbox
              key={name}
              label={visible(name)}
              checked={shown.has(name)}
              disabled={shown.has(name) && order.length === 1}
              onChange={() => toggle(name)}
            />
          ))}
        </div>
        <Button variant="subtle" size="xs" mt={8} onClick={() => onOrder(null)}>
          Show all, as in the table
        </Button>
      </Popover.Dropdown>
    </Popover>
  );
}
