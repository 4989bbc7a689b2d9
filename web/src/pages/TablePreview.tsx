import { Button, Checkbox, TextInput } from "@mantine/core";
import { useEffect, useMemo, useRef, useState } from "react";
import { Link, useLocation, useSearchParams } from "wouter";
import {
  $api,
  AT_SOURCE,
  answer,
  api,
  type Model,
  type Problem,
  queryClient,
  refresh,
  refreshSources,
  type SourceTableDescription,
  type Table,
  toProblem,
} from "../api/client";
import { follow, jobsOf, useFollowed, useLastEnded } from "../api/events";
import { FilterBar } from "../grid/Filters";
import { Grid } from "../grid/Grid";
import { localRows } from "../grid/rows";
import { type Filter, formatFilter, parseFilter } from "../grid/view";
import { to } from "../routes";
import { Async, Empty } from "../ui/Async";
import { Confirm } from "../ui/Confirm";
import { Code } from "../ui/Copy";
import { bytes, estimate, plural } from "../ui/format";
import { spelled } from "../ui/invisible";
import { Notice, ProblemNotice } from "../ui/Notice";
import { TimeAgo } from "../ui/TimeAgo";
import { Name } from "../ui/Visible";
import { freeName, importedFrom, sourceKey } from "./imported";
import { keepImport, keptImport } from "./importForms";
import { PreviewColumns } from "./PreviewColumns";
import { type Masks, withMask } from "./Selection";
import { PriceTag, StatisticsNote } from "./SourceStatistics";
import type { Chosen } from "./TreeList";

interface Props extends Chosen {
  model: Model;
  /** Those that the Model has already. */
  tables: readonly Table[];
  connectionId: string;
}

const nameOf = ({ name }: { name: string }) => name;

/** A table at the source: its columns, its first rows, and the button that imports it. */
export function TablePreview(props: Props) {
  const { connectionId, schema, table } = props;
  const params = { path: { id: connectionId }, query: { schema, table } };
  const description = $api.useQuery("get", "/api/v1/connections/{id}/source-table", { params }, AT_SOURCE);
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
        <span className="dim">
          <Name text={schema} />.
        </span>
        <Name text={name} />
      </h2>
      <div className="dim small">
        {WORDS[kind]}
        {estimated_rows !== null && ` · ${estimate(estimated_rows)} rows`}
        {size !== null && size > 0 && ` · ${bytes(size)}`} · {plural(description.columns.length, "column")}
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
  const { model, tables, connectionId, schema, table, description } = props;
  const [, navigate] = useLocation();
  const here = importedFrom(tables, connectionId).get(sourceKey(schema, table));
  const readable = description.columns.filter((column) => column.readable);
  const locked = description.columns.length - readable.length;
  // Who wants a failed import done again goes on at the button that does it, with what was chosen for it.
  const button = useRef<HTMLButtonElement>(null);
  const [search] = useSearchParams();
  const retried = search.get("retry");
  const [form] = useState(() => (retried === null ? null : keptImport(retried)));
  useEffect(() => {
    if (retried !== null) button.current?.focus();
  }, [retried]);
  const [left, setLeft] = useState<ReadonlySet<string>>(
    () => new Set(form?.columns ? readable.map(nameOf).filter((name) => !form.columns?.includes(name)) : []),
  );
  const [filters, setFilters] = useState<Filter[]>(() =>
    (form?.filter ?? []).flatMap((text) => parseFilter(text) ?? []),
  );
  const [filtering, setFiltering] = useState<string | null>(null);
  const [masks, setMasks] = useState<Masks>(form?.masks ?? {});
  const [verify, setVerify] = useState(form?.verify ?? false);
  const [typed, setTyped] = useState<string | null>(form?.name ?? null);
  // Those that are on their way, whoever began them, and not only since this page was loaded.
  const coming = useFollowed().filter(({ job }) => job.kind === "import" && job.model_id === model.id);
  const isComing = coming.some(
    ({ job: { source } }) =>
      source.connection_id === connectionId && source.schema === schema && source.table === table,
  );
  const name = typed ?? freeName(table, [...tables.map(nameOf), ...coming.map(({ job }) => job.table_name)]);
  const [asking, setAsking] = useState(false);
  const [busy, setBusy] = useState(false);
  const [problem, setProblem] = useState<Problem | null>(null);
  const [valued, setValued] = useState(false);
  // The most common values are values of the table: they are asked for when somebody wants to see them.
  const params = { path: { id: connectionId }, query: { schema, table, most_common: true } };
  const values = $api.useQuery(
    "get",
    "/api/v1/connections/{id}/source-table",
    { params },
    { ...AT_SOURCE, enabled: valued },
  );
  const kept = readable.filter((column) => !left.has(column.name));
  const field = problem?.fields?.find((one) => one.field === "name")?.message;

  // The import that was started here opens its table once it is done.
  const [started, setStarted] = useState<string | null>(null);
  const ended = useLastEnded();
  useEffect(() => {
    if (ended?.id !== started || ended?.state !== "succeeded") return;
    void refresh("/api/v1/models/{id}/tables").then(() =>
      navigate(to.model(model.id, "data", { table: ended.table_id })),
    );
  }, [ended, started, model.id, navigate]);

  const start = async () => {
    setBusy(true);
    setProblem(null);
    try {
      const form = {
        name: name.trim() === table ? undefined : name.trim(),
        columns: kept.length === readable.length ? undefined : kept.map(nameOf),
        verify,
        filter: filters.map(formatFilter),
        masks: Object.fromEntries(kept.flatMap(({ name }) => (masks[name] ? [[name, masks[name]]] : []))),
      };
      const { job } = await answer(
        api.POST("/api/v1/models/{id}/imports", {
          params: { path: { id: model.id } },
          body: { connection_id: connectionId, schema, table, ...form },
        }),
      );
      keepImport(job.id, form);
      await queryClient.invalidateQueries({ queryKey: jobsOf(model.id).queryKey });
      setStarted(job.id);
      follow(job);
    } catch (error) {
      setProblem(toProblem(error));
    }
    setBusy(false);
  };

  return (
    <section className="preview" aria-label={spelled(`${schema}.${table}`)}>
      <div className="row spread" style={{ alignItems: "flex-end" }}>
        <Title description={description} />
        <form
          className="row"
          style={{ alignItems: "flex-end" }}
          onSubmit={(event) => {
            event.preventDefault();
            if (here || isComing) setAsking(true);
            else void start();
          }}
        >
          <TextInput
            label="Name in this Model"
            value={name}
            onChange={(event) => setTyped(event.currentTarget.value)}
            error={field}
          />
          <Button
            type="submit"
            ref={button}
            variant={here || isComing ? "default" : "filled"}
            loading={busy}
            disabled={kept.length === 0 || name.trim() === ""}
          >
            {here || isComing ? "Import again…" : "Import table"}
          </Button>
        </form>
      </div>
      <Checkbox
        label="Compare with the database afterwards"
        description="It counts and hashes every column once more: one more read of the table at the database."
        checked={verify}
        onChange={(event) => setVerify(event.currentTarget.checked)}
      />
      {retried !== null && form === null && (
        <Notice tone="info" title="Choose columns, filter and masks again">
          <p>What the failed import was to leave out or mask is known only in the browser that began it.</p>
        </Notice>
      )}
      {here && <Here model={model} table={here} />}
      <Confirm
        opened={asking}
        onClose={() => setAsking(false)}
        title="Import a second copy"
        action="Import a second copy"
        run={start}
      >
        This table {here ? "is in this Model already" : "is being imported already"}. Importing it again makes
        another table,{" "}
        <strong>
          <Name text={name} />
        </strong>
        , with a history of its own. To bring what is there up to date, sync it.
      </Confirm>
      {problem && !field && <ProblemNotice problem={problem} />}
      <PriceTag description={description} />
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
      {readable.length > 0 && (
        <div className="stack" style={{ gap: 4 }}>
          <FilterBar
            columns={readable.map((column) => ({ ...column, order: "type", collation: null }))}
            filters={filters}
            onChange={setFilters}
            opened={filtering}
            onOpen={setFiltering}
            values={() => null}
          />
          <span className="dim small">
            {filters.length === 0
              ? "All rows come over, unless a filter says which."
              : "Only these rows come over, now and at every sync. The database chooses them."}
          </span>
        </div>
      )}
      <StatisticsNote
        statistics={description.statistics}
        values={valued}
        busy={values.isLoading}
        onValues={setValued}
      />
      {values.error && <ProblemNotice problem={toProblem(values.error)} />}
      <PreviewColumns
        columns={description.columns}
        statistics={description.statistics}
        values={valued ? (values.data?.statistics ?? null) : null}
        left={left}
        onLeft={setLeft}
        masks={masks}
        onMask={(name, mask) => setMasks(withMask(masks, name, mask))}
      />
      <FirstRows {...props} shown={kept.map((column) => column.name)} />
    </section>
  );
}

/** It was imported before: that one can be opened, or synced there. */
function Here({ model, table }: { model: Model; table: Table }) {
  const at = table.source?.synced_at;
  return (
    <Notice tone="info" title={`In this Model already, as ${table.name}`}>
      <div className="row" style={{ marginTop: 8 }}>
        <Button component={Link} size="xs" to={to.model(model.id, "data", { table: table.id })}>
          Open it
        </Button>
        {at && (
          <span className="dim">
            Read <TimeAgo at={at} />.
          </span>
        )}
      </div>
    </Notice>
  );
}

function FirstRows({ connectionId, schema, table, shown }: Props & { shown: string[] }) {
  const params = { path: { id: connectionId }, query: { schema, table } };
  const preview = $api.useQuery(
    "get",
    "/api/v1/connections/{id}/source-table/preview",
    { params },
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
            label={`First rows of ${spelled(`${schema}.${table}`)}`}
            columns={columns}
            rows={rows}
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
