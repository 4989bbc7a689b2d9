// One table: where it comes from, its filters, its rows.
import { Button } from "@mantine/core";
import { ChartColumn, PanelRight, Search } from "lucide-react";
import { lazy, Suspense, useEffect, useRef, useState } from "react";
import { useLocation } from "wouter";
import { type Cell, type Job, type Model, type Table, toProblem } from "../api/client";
import { code } from "../api/lost";
import { useTables } from "../api/tables";
import type { Placed } from "../grid/columns";
import { FilterBar } from "../grid/Filters";
import { Grid } from "../grid/Grid";
import type { GridHandle } from "../grid/gridProps";
import type { Look } from "../grid/headActions";
import { fewValues } from "../grid/kinds";
import { ProfileStrip, STRIP } from "../grid/ProfileStrip";
import { type Bar, toggled } from "../grid/profile";
import { useColumns, useRows } from "../grid/rows";
import { type Filter, formatFilter, formatSort } from "../grid/view";
import { Empty } from "../ui/Async";
import { spelled } from "../ui/invisible";
import { ProblemNotice } from "../ui/Notice";
import { ReasonButton } from "../ui/Reason";
import { DownloadMenu } from "./DownloadMenu";
import { useRelations, waysFrom, waysTo } from "./relations";
import { SavedViews } from "./SavedViews";
import { SourceBadge } from "./SourceBadge";
import { ColumnsMenu, CopyLink } from "./TableTools";
import { lookText, storedLook, storeLook, useView } from "./tableState";
import { useKnownValues } from "./useKnownValues";
import { useProfile } from "./useProfile";

const CellDialog = lazy(() => code(() => import("./CellDialog")));
const ColumnPanel = lazy(() => code(() => import("./ColumnPanel")));
const FindBar = lazy(() =>
  code(() => import("../grid/FindBar").then(({ FindBar }) => ({ default: FindBar }))),
);
const RecordPanel = lazy(() => code(() => import("./RecordPanel")));

interface Props {
  model: Model;
  table: Table;
  jobs: Job[];
}

export function TableView({ model, table, jobs }: Props) {
  const view = useView();
  const version = view.version ?? table.version ?? 1;
  const old = table.version !== null && version !== table.version;
  const newest = version === table.version;
  const known = useColumns(table.id, version, newest ? table.columns : null);
  const rows = useRows(table.id, known.columns, version, view.sorts, view.filters);
  const columns = rows.columns ?? table.columns;
  const names = columns.map((column) => column.name);
  const order = view.shown?.filter((name) => names.includes(name)) ?? names;
  const [filterNear, setFilterNear] = useState(false);
  const [filtering, setFiltering] = useState<string | null>(null);
  const [open, setOpen] = useState<{
    row: number;
    placed: Pick<Placed, "at" | "column">;
    cell: Cell | null;
  } | null>(null);
  const [finding, setFinding] = useState(false);
  const [recording, setRecording] = useState(false);
  /** The column whose profile is open beside the rows. */
  const [profiled, setProfiled] = useState<string | null>(null);
  const profile = useProfile(table, version, profiled !== null);
  const grid = useRef<GridHandle>(null);
  const start = useRef(view.cell).current;
  const [current, setCurrent] = useState(start?.row ?? 0);
  const [look, setLook] = useState(() => view.look ?? storedLook(table.id));
  // What the grid was given, or has told: when the URL says another, by a saved view or Back, the grid follows.
  const [told, setTold] = useState(lookText(view.look));
  if (told !== lookText(view.look)) {
    setTold(lookText(view.look));
    setLook(view.look ?? storedLook(table.id));
  }
  const knownValues = useKnownValues(table, version, filterNear || filtering !== null);
  const relations = useRelations(model);
  const siblings = useTables(model.id, relations.length > 0);
  const nameOf = (id: string) => siblings.data?.find((one) => one.id === id)?.name ?? "";
  const [, navigate] = useLocation();

  // The URL follows the cell when it rests: browsers refuse a hundred changes in a row.
  const pending = useRef<ReturnType<typeof setTimeout>>(undefined);
  useEffect(() => () => clearTimeout(pending.current), []);
  const onCell = (row: number, col: number) => {
    setCurrent(row);
    setProfiled((old) => (old === null ? null : (grid.current?.columns()[col]?.column.name ?? old)));
    clearTimeout(pending.current);
    pending.current = setTimeout(() => view.setCell(row, col), 400);
  };

  const resting = useRef<ReturnType<typeof setTimeout>>(undefined);
  useEffect(() => () => clearTimeout(resting.current), []);
  const onLook = (next: Look) => {
    clearTimeout(resting.current);
    resting.current = setTimeout(() => {
      storeLook(table.id, next);
      setTold(lookText(next));
      setLook(next);
      view.setLook(next);
    }, 400);
  };
  const values = (name: string) => {
    const at = names.indexOf(name);
    return fewValues(rows.cellsOf(at));
  };

  const addFilter = (filter: Filter) => {
    const texts = view.filters.map(formatFilter);
    if (!texts.includes(formatFilter(filter))) view.setFilters([...view.filters, filter]);
  };
  const onBar = (name: string, bar: Bar) => {
    const known = profile.of(name);
    if (known) view.setFilters(toggled(name, known.profile, bar, view.filters));
  };
  const openProfile = (name: string) => {
    setRecording(false);
    setProfiled(name);
  };
  const openRecord = () => {
    setProfiled(null);
    setRecording(true);
  };
  const strip = (name: string) => (
    <ProfileStrip
      picture={profile.of(name)?.picture}
      rows={profile.rows}
      filters={view.filters}
      onBar={(bar) => onBar(name, bar)}
    />
  );
  // Those that are shown first: the record holds the others too.
  const fields = [...order, ...names.filter((name) => !order.includes(name))].flatMap((name) => {
    const at = names.indexOf(name);
    const column = columns[at];
    return column ? { at, column } : [];
  });
  const total = rows.total ?? 0;
  const row = Math.min(current, Math.max(0, total - 1));

  let note = null;
  const failure = rows.error ?? known.error;
  if (failure) {
    note = (
      <ProblemNotice problem={toProblem(failure)}>
        {/* Asked again, a filter is as wrong as before, and a version that is gone does not come back. */}
        {![404, 422].includes(toProblem(failure).status) && (
          <Button variant="default" onClick={rows.retry}>
            Retry
          </Button>
        )}
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
          known={knownValues}
          groups
          onNear={() => setFilterNear(true)}
        />
        <div className="row table-tools">
          <Button
            variant="default"
            size="xs"
            leftSection={<Search size={16} />}
            onClick={() => setFinding(true)}
            disabled={total === 0}
          >
            Find
          </Button>
          <Button
            variant="default"
            size="xs"
            leftSection={<PanelRight size={16} />}
            aria-pressed={recording}
            onClick={() => (recording ? setRecording(false) : openRecord())}
            disabled={total === 0}
          >
            Record
          </Button>
          <ReasonButton
            variant="default"
            size="xs"
            leftSection={<ChartColumn size={16} />}
            reason={profile.reason}
            aria-pressed={profile.isShown && profile.reason === null}
            onClick={() => profile.show(!profile.isShown)}
          >
            Profile
          </ReasonButton>
          <DownloadMenu
            tableId={table.id}
            version={version}
            filters={view.filters}
            sorts={view.sorts}
            columns={view.shown && order}
            width={columns.length}
            rows={rows.total}
          />
          <CopyLink version={version} look={look} />
          <SavedViews model={model} table={table} current={() => view.current(look)} onApply={view.apply} />
          <ColumnsMenu columns={columns} order={order} onOrder={view.setShown} />
        </div>
      </div>
      {finding && (
        <Suspense>
          <FindBar
            haystack={() => ({
              read: rows.read,
              total,
              columns: (grid.current?.columns() ?? []).map((placed) => placed.at),
            })}
            from={() => grid.current?.current() ?? { row: 0, col: 0 }}
            onFound={({ row, col }) => grid.current?.goTo(row, col)}
            onClose={() => {
              setFinding(false);
              grid.current?.focus();
            }}
          />
        </Suspense>
      )}
      <div className="table-body">
        <Grid
          handle={grid}
          label={`Rows of ${spelled(table.name)}`}
          columns={columns}
          rows={rows}
          expected={old || view.filters.length > 0 ? undefined : table.rows}
          of={view.filters.length > 0 ? (old ? known.rows : table.rows) : undefined}
          look={look}
          onLook={onLook}
          order={order}
          onOrder={view.setShown}
          sorts={view.sorts}
          onSort={view.setSorts}
          onFilter={setFiltering}
          onValue={addFilter}
          onFind={() => setFinding(true)}
          onRecord={openRecord}
          ways={(at, placed) =>
            waysTo(
              relations,
              model.id,
              table.id,
              placed.column.name,
              (name) => rows.rowAt(at)?.[names.indexOf(name)],
            ).map(({ table, href }) => ({
              label: `Go to ${spelled(nameOf(table))}`,
              go: () => navigate(href),
            }))
          }
          onProfile={openProfile}
          strip={profile.isShown && profile.reason === null ? { height: STRIP, of: strip } : undefined}
          start={start}
          onCell={onCell}
          onOpen={(row, placed) =>
            rows.rowAt(row)?.[placed.at] !== undefined &&
            setOpen({ row, placed, cell: rows.rowAt(row)?.[placed.at] ?? null })
          }
          note={note}
        />
        {profiled !== null && (
          <Suspense>
            <ColumnPanel
              name={profiled}
              columns={columns}
              profile={profile}
              filters={view.filters}
              grid={grid}
              onBar={onBar}
              onClose={() => {
                setProfiled(null);
                grid.current?.focus();
              }}
            />
          </Suspense>
        )}
        {recording && total > 0 && (
          <Suspense>
            <RecordPanel
              row={row}
              total={total}
              rows={rows}
              columns={fields}
              onRow={(next) => grid.current?.goTo(next)}
              waysTo={(column, cellOf) => waysTo(relations, model.id, table.id, column, cellOf)}
              waysFrom={(cellOf) => waysFrom(relations, model.id, table.id, cellOf)}
              nameOf={nameOf}
              onOpen={(placed, cell) => setOpen({ row, placed, cell })}
              onClose={() => {
                setRecording(false);
                grid.current?.focus();
              }}
            />
          </Suspense>
        )}
      </div>
      {open && (
        <Suspense>
          <CellDialog
            {...open}
            onFilter={(filter) => {
              addFilter(filter);
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
        </Suspense>
      )}
    </section>
  );
}
