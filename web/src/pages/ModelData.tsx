import { Button, NativeSelect, TextInput } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { Link, useLocation, useSearchParams } from "wouter";
import type { Job, Model, Table } from "../api/client";
import { isOver, jobsOf } from "../api/events";
import { useTables } from "../api/tables";
import { to } from "../routes";
import { Async, Empty } from "../ui/Async";
import { count } from "../ui/format";
import { spelled } from "../ui/invisible";
import { Name, visible } from "../ui/Visible";
import { mayChange } from "./access";
import { ImportLink } from "./ImportLink";
import { JobProgress } from "./JobProgress";
import { TableGone } from "./TableGone";
import { TableView } from "./TableView";

/** The tables of a Model, and the rows of one. */
export default function ModelData({ model }: { model: Model }) {
  const tables = useTables(model.id);
  const jobs = useQuery(jobsOf(model.id));
  const [search] = useSearchParams();
  const wanted = search.get("table");
  return (
    <Async
      query={tables}
      inset
      empty={(items) =>
        items.length === 0 ? <NoTable model={model} jobs={jobs.data?.items ?? []} /> : undefined
      }
    >
      {(items) => {
        const table = items.find((one) => one.id === wanted) ?? (wanted ? undefined : items[0]);
        return (
          <div className="model-body">
            <title>{`${table ? `${spelled(table.name)} · ` : ""}${spelled(model.name)} · Mycorr`}</title>
            <TableList model={model} tables={items} current={table} />
            {table ? (
              <TableView key={table.id} model={model} table={table} jobs={jobs.data?.items ?? []} />
            ) : (
              <TableGone model={model} tab="data" />
            )}
          </div>
        );
      }}
    </Async>
  );
}

function NoTable({ model, jobs }: { model: Model; jobs: Job[] }) {
  const running = jobs.filter((job) => !isOver(job));
  const title = <title>{`${spelled(model.name)} · Mycorr`}</title>;
  if (running.length > 0) {
    return (
      <div className="page stack">
        {title}
        {running.map((job) => (
          <div key={job.id} className="card stack" style={{ gap: 8 }}>
            <strong>
              Importing <Name text={job.table_name} />
            </strong>
            <JobProgress job={job} canCancel={mayChange(model)} />
          </div>
        ))}
        <p className="dim">Its rows are here as soon as the import is done.</p>
      </div>
    );
  }
  return (
    <Empty title="No table yet" action={<ImportLink model={model} />}>
      {title}
      <p>
        A table is a copy of one in your database, as it was when it was imported. Sync brings it up to date,
        and every older version stays readable.
      </p>
    </Empty>
  );
}

/** Few tables need no search field. */
const MANY = 10;

function TableList({
  model,
  tables,
  current,
}: {
  model: Model;
  tables: Table[];
  current: Table | undefined;
}) {
  const [, navigate] = useLocation();
  const [text, setText] = useState("");
  const found = tables.filter((table) => table.name.toLowerCase().includes(text.trim().toLowerCase()));
  return (
    <>
      <nav className="table-list" aria-label="Tables">
        {mayChange(model) && (
          <Button
            component={Link}
            to={to.model(model.id, "import")}
            variant="default"
            size="xs"
            fullWidth
            mb={8}
          >
            Import a table
          </Button>
        )}
        {tables.length >= MANY && (
          <TextInput
            data-search
            size="xs"
            mb={8}
            aria-label="Search tables"
            placeholder="Search tables"
            value={text}
            onChange={(event) => setText(event.currentTarget.value)}
          />
        )}
        {found.map((table) => (
          <Link
            key={table.id}
            className="nav-link"
            to={to.model(model.id, "data", { table: table.id })}
            aria-current={table === current ? "page" : undefined}
            title={spelled(table.name)}
          >
            <span>{visible(table.name)}</span>
            <span className="small num">{count(table.rows)}</span>
          </Link>
        ))}
        {found.length === 0 && <p className="dim small">No table is called that.</p>}
      </nav>
      <NativeSelect
        className="table-select"
        aria-label="Table"
        data={tables.map((table) => ({ value: table.id, label: spelled(table.name) }))}
        value={current?.id}
        onChange={(event) => navigate(to.model(model.id, "data", { table: event.currentTarget.value }))}
      />
    </>
  );
}
