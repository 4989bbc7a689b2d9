import { Button, Checkbox, TextInput } from "@mantine/core";
import { KeyRound } from "lucide-react";
import { useMemo, useState } from "react";
import {
  $api,
  AT_SOURCE,
  answer,
  api,
  type Model,
  type Problem,
  queryClient,
  refreshSources,
  type SourceColumn,
  type SourceTableDescription,
  toProblem,
} from "../api/client";
import { follow, jobsOf } from "../api/events";
import { Grid } from "../grid/Grid";
import { localRows } from "../grid/rows";
import { Async, Empty } from "../ui/Async";
import { Code } from "../ui/Copy";
import { bytes, estimate, plural } from "../ui/format";
import { Notice, ProblemNotice } from "../ui/Notice";
import type { Chosen } from "./ConnectionTree";

interface Props extends Chosen {
  model: Model;
  connectionId: string;
}

/** A table at the source: its columns, its first rows, and the button that imports it. */
export function TablePreview(props: Props) {
  const { connectionId, schema, table } = props;
  const path = { id: connectionId, schema, table };
  const description = $api.useQuery(
    "get",
    "/api/v1/connections/{id}/schemas/{schema}/tables/{table}",
    { params: { path } },
    AT_SOURCE,
  );
  return (
    <Async query={description}>
      {(data) =>
        data.readable ? <Readable {...props} description={data} /> : <Unreadable description={data} />
      }
    </Async>
  );
}

const WORDS: Record<SourceTableDescription["kind"], string> = {
  table: "Table",
  view: "View",
  materialized_view: "Materialized view",
  foreign_table: "Foreign table",
  partitioned_table: "Partitioned table",
};

function Title({ description }: { description: SourceTableDescription }) {
  const { schema, name, kind, estimated_rows, bytes: size } = description;
  return (
    <div>
      <h2 className="table-name">
        <span className="dim">{schema}.</span>
        {name}
      </h2>
      <div className="dim small">
        {WORDS[kind]}
        {estimated_rows !== null && ` · ${estimate(estimated_rows)} rows`}
        {size !== null && size > 0 && ` · ${bytes(size)}`} · {description.columns.length} columns
      </div>
    </div>
  );
}

function Unreadable({ description }: { description: SourceTableDescription }) {
  return (
    <section className="stack">
      <Title description={description} />
      {description.problem ? (
        <ProblemNotice problem={description.problem}>
          <Button variant="default" onClick={() => void refreshSources()}>
            Look again
          </Button>
        </ProblemNotice>
      ) : (
        <Notice tone="danger" title="The role may not read this table">
          {description.grant && <Code text={description.grant} label="GRANT" />}
        </Notice>
      )}
    </section>
  );
}

function Readable(props: Props & { description: SourceTableDescription }) {
  const { model, connectionId, schema, table, description } = props;
  const readable = description.columns.filter((column) => column.readable);
  const locked = description.columns.length - readable.length;
  const [left, setLeft] = useState<ReadonlySet<string>>(new Set());
  const [name, setName] = useState(table);
  const [busy, setBusy] = useState(false);
  const [problem, setProblem] = useState<Problem | null>(null);
  const kept = readable.filter((column) => !left.has(column.name));
  const field = problem?.fields?.find((one) => one.field === "name")?.message;

  const start = async () => {
    setBusy(true);
    setProblem(null);
    try {
      const { job } = await answer(
        api.POST("/api/v1/models/{id}/imports", {
          params: { path: { id: model.id } },
          body: {
            connection_id: connectionId,
            schema,
            table,
            name: name.trim() === table ? undefined : name.trim(),
            columns: kept.length === readable.length ? undefined : kept.map((column) => column.name),
          },
        }),
      );
      await queryClient.invalidateQueries({ queryKey: jobsOf(model.id).queryKey });
      follow(job);
    } catch (error) {
      setProblem(toProblem(error));
    }
    setBusy(false);
  };

  return (
    <section className="preview" aria-label={`${schema}.${table}`}>
      <div className="row spread" style={{ alignItems: "flex-end" }}>
        <Title description={description} />
        <form
          className="row"
          style={{ alignItems: "flex-end" }}
          onSubmit={(event) => {
            event.preventDefault();
            void start();
          }}
        >
          <TextInput
            label="Name in this Model"
            value={name}
            onChange={(event) => setName(event.currentTarget.value)}
            error={field}
          />
          <Button type="submit" loading={busy} disabled={kept.length === 0 || name.trim() === ""}>
            Import
          </Button>
        </form>
      </div>
      {problem && !field && <ProblemNotice problem={problem} />}
      {description.row_security && (
        <Notice tone="warning" title="Row-level security is on">
          <p>
            The role may see only some of the rows: what its policies show is imported, and it cannot be known
            how many more there are.
          </p>
        </Notice>
      )}
      {locked > 0 && (
        <Notice tone="warning" title={`The role may not read ${plural(locked, "column")}`}>
          <p>
            {locked === 1 ? "It is" : "They are"} left out. To import {locked === 1 ? "it" : "them"} too, run
            this as the table's owner, then look again.
          </p>
          {description.grant && <Code text={description.grant} label="GRANT" />}
          <div className="row" style={{ marginTop: 12 }}>
            <Button variant="default" size="xs" onClick={() => void refreshSources()}>
              Look again
            </Button>
          </div>
        </Notice>
      )}
      <Columns columns={description.columns} left={left} onLeft={setLeft} />
      <FirstRows {...props} shown={kept.map((column) => column.name)} />
    </section>
  );
}

interface ColumnsProps {
  columns: SourceColumn[];
  /** Names of those that are left out. */
  left: ReadonlySet<string>;
  onLeft: (left: ReadonlySet<string>) => void;
}

function Columns({ columns, left, onLeft }: ColumnsProps) {
  const readable = columns.filter((column) => column.readable);
  const kept = readable.length - left.size;
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: it scrolls, so the keyboard must reach it
    <div className="table-wrap preview-columns" tabIndex={0} role="region" aria-label="Columns">
      <table className="list">
        <thead>
          <tr>
            <th>
              <Checkbox
                label={`Column (${kept} of ${columns.length})`}
                checked={left.size === 0}
                indeterminate={kept > 0 && left.size > 0}
                onChange={() =>
                  onLeft(left.size === 0 ? new Set(readable.map(({ name }) => name)) : new Set())
                }
              />
            </th>
            <th>Type at the source</th>
            <th>Stored as</th>
            <th>Null</th>
          </tr>
        </thead>
        <tbody>
          {columns.map((column) => (
            <tr key={column.name} className={column.readable ? undefined : "shut"}>
              <td>
                <div className="row">
                  <Checkbox
                    label={column.name}
                    checked={column.readable && !left.has(column.name)}
                    disabled={!column.readable}
                    description={column.readable ? undefined : "The role may not read this column."}
                    onChange={() => {
                      const next = new Set(left);
                      if (!next.delete(column.name)) next.add(column.name);
                      onLeft(next);
                    }}
                  />
                  {column.primary_key && (
                    <span className="badge">
                      <KeyRound size={12} aria-hidden /> key
                    </span>
                  )}
                </div>
              </td>
              <td className="mono">{column.pg_type}</td>
              <td className="mono dim">{column.type}</td>
              <td className="dim">{column.nullable ? "allowed" : "never"}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

function FirstRows({ connectionId, schema, table, shown }: Props & { shown: string[] }) {
  const path = { id: connectionId, schema, table };
  const preview = $api.useQuery(
    "get",
    "/api/v1/connections/{id}/schemas/{schema}/tables/{table}/preview",
    { params: { path } },
    AT_SOURCE,
  );
  const rows = useMemo(() => localRows(preview.data?.rows ?? []), [preview.data]);
  // Nothing is sorted here.
  const columns = useMemo(
    () => (preview.data?.columns ?? []).map((column) => ({ ...column, order: "type", collation: null })),
    [preview.data],
  );
  return (
    <div className="preview-rows">
      <h3>First rows</h3>
      <Async query={preview}>
        {(data) => (
          <Grid
            label={`First rows of ${schema}.${table}`}
            columns={columns}
            rows={rows}
            scope=""
            order={shown}
            note={
              data.rows.length === 0 ? (
                <Empty title="No rows" />
              ) : shown.length === 0 ? (
                <Empty title="No columns" />
              ) : null
            }
          />
        )}
      </Async>
    </div>
  );
}
