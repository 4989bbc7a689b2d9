// One table: where it comes from, its filters, its rows.
import { Button, Checkbox, Popover, TextInput } from "@mantine/core";
import { Columns3, Link as LinkIcon } from "lucide-react";
import { useEffect, useRef, useState } from "react";
import { useSearchParams } from "wouter";
import { type Cell, type Column, type Job, type Model, type Table, toProblem } from "../api/client";
import type { Placed } from "../grid/columns";
import { FilterBar } from "../grid/Filters";
import { Grid, type Look } from "../grid/Grid";
import { fewValues } from "../grid/kinds";
import { useRows } from "../grid/rows";
import {
  type Filter,
  formatCell,
  formatFilter,
  formatSort,
  formatWidths,
  joinWords,
  parseCell,
  parseFilter,
  parseSort,
  parseWidths,
  type Sort,
  words,
} from "../grid/view";
import { Empty } from "../ui/Async";
import { copyText } from "../ui/Copy";
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
  // What changes the rows can be undone with Back; where one is and how wide things are only follows.
  const setAll = (values: Record<string, string | string[] | null>, replace = false) =>
    setSearch(
      (old) => {
        const next = new URLSearchParams(old);
        for (const [name, texts] of Object.entries(values)) {
          next.delete(name);
          for (const text of [texts ?? []].flat()) if (text !== "") next.append(name, text);
        }
        return next;
      },
      { replace },
    );
  const set = (name: string, values: string | string[] | null, replace = false) =>
    setAll({ [name]: values }, replace);
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
    setCell: (row: number, col: number) => set("cell", formatCell(row, col), true),
    look:
      search.has("w") || search.has("pin")
        ? { widths: parseWidths(search.getAll("w")), pins: new Set(words(search.get("pin"))) }
        : null,
    setLook: ({ widths, pins }: Look) => setAll({ w: formatWidths(widths), pin: joinWords([...pins]) }, true),
  };
}

const LOOK = "mycorr.look.";

function storedLook(table: string): Look {
  try {
    const { widths, pins } = JSON.parse(localStorage.getItem(LOOK + table) ?? "{}");
    return { widths: parseWidths(widths ?? []), pins: new Set(pins ?? []) };
  } catch {
    return { widths: new Map(), pins: new Set() };
  }
}

const storeLook = (table: string, { widths, pins }: Look) =>
  localStorage.setItem(LOOK + table, JSON.stringify({ widths: formatWidths(widths), pins: [...pins] }));

/** The address of exactly this view: it names the version too, so that a sync does not change what it shows. */
function CopyLink({ version, look }: { version: number; look: Look }) {
  const [copied, setCopied] = useState(false);
  const copy = () => {
    const url = new URL(window.location.href);
    url.searchParams.set("v", String(version));
    if (!url.searchParams.has("w") && !url.searchParams.has("pin")) {
      for (const width of formatWidths(look.widths)) url.searchParams.append("w", width);
      if (look.pins.size > 0) url.searchParams.set("pin", joinWords([...look.pins]));
    }
    setCopied(copyText(url.href));
    setTimeout(() => setCopied(false), 2_000);
  };
  return (
    <Button variant="default" size="xs" leftSection={<LinkIcon size={16} />} onClick={copy}>
      {copied ? "Copied" : "Copy link"}
    </Button>
  );
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
  const [look] = useState(() => view.look ?? storedLook(table.id));

  // The URL follows the cell when it rests: browsers refuse a hundred changes in a row.
  const pending = useRef<ReturnType<typeof setTimeout>>(undefined);
  useEffect(() => () => clearTimeout(pending.current), []);
  const onCell = (row: number, col: number) => {
    clearTimeout(pending.current);
    pending.current = setTimeout(() => view.setCell(row, col), 400);
  };

  const resting = useRef<ReturnType<typeof setTimeout>>(undefined);
  useEffect(() => () => clearTimeout(resting.current), []);
  const onLook = (next: Look) => {
    clearTimeout(resting.current);
    resting.current = setTimeout(() => {
      storeLook(table.id, next);
      view.setLook(next);
    }, 400);
  };
  const values = (name: string) => {
    const at = names.indexOf(name);
    return fewValues([...rows.seen()].map((cells) => cells[at]));
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
          values={values}
        />
        <div className="row">
          <CopyLink version={version} look={look} />
          <ColumnsMenu columns={columns} order={order} onOrder={view.setShown} />
        </div>
      </div>
      <Grid
        label={`Rows of ${spelled(table.name)}`}
        columns={columns}
        rows={rows}
        expected={old || view.filters.length > 0 ? undefined : table.rows}
        of={view.filters.length > 0 && !old ? table.rows : undefined}
        look={look}
        onLook={onLook}
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
          onFilter={(filter) => {
            view.setFilters([...view.filters, filter]);
            setOpen(null);
          }}
          // The whole of a large cell is asked for by its row's number in this view.
          href={`/api/v1/tables/${table.id}/cell?${new URLSearchParams([
            ["row", String(open.row)],
            ["column", open.placed.column.name],
            ["version", String(version)],
            ...(view.sorts.length > 0 ? [["sort", formatSort(view.sorts)]] : []),
            ...view.filters.map((filter) => ["filter", formatFilter(filter)]),
          ])}`}
          onClose={() => setOpen(null)}
        />
      )}
    </section>
  );
}

/** Few columns need no search field. */
const MANY = 10;

function ColumnsMenu(props: {
  columns: Column[];
  order: string[];
  onOrder: (order: string[] | null) => void;
}) {
  const { columns, order, onOrder } = props;
  const [text, setText] = useState("");
  const wanted = text.trim().toLowerCase();
  const found = columns.filter(({ name }) => name.toLowerCase().includes(wanted));
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
    <Popover position="bottom-end" trapFocus returnFocus withinPortal>
      <Popover.Target>
        <Button variant="default" size="xs" leftSection={<Columns3 size={16} />}>
          {hidden > 0 ? `Columns, ${hidden} hidden` : "Columns"}
        </Button>
      </Popover.Target>
      <Popover.Dropdown>
        {columns.length >= MANY && (
          <TextInput
            data-autofocus
            size="xs"
            mb={8}
            aria-label="Search columns"
            placeholder="Search columns"
            value={text}
            onChange={(event) => setText(event.currentTarget.value)}
          />
        )}
        <div className="stack" style={{ gap: 8, maxHeight: 360, overflow: "auto", padding: 2 }}>
          {found.length === 0 && <span className="dim small">No column is called that.</span>}
          {found.map(({ name }) => (
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
