import { Button, NativeSelect } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { Link, useSearchParams } from "wouter";
import { $api, type Job, type Model } from "../api/client";
import { isOver, jobsOf } from "../api/events";
import { useTables } from "../api/tables";
import { to } from "../routes";
import { Async, Empty } from "../ui/Async";
import { bytes, duration, plural } from "../ui/format";
import { spelled } from "../ui/invisible";
import { Notice, ProblemNotice, ToneIcon } from "../ui/Notice";
import { TimeAgo } from "../ui/TimeAgo";
import { Name } from "../ui/Visible";
import { mayChange } from "./access";
import { ConnectionTree } from "./ConnectionTree";
import { importedFrom, isMadeGood } from "./imported";
import { JOBS, JobProgress } from "./JobProgress";
import { usePasteToConnect } from "./pasted";
import { RetryButton } from "./RetryButton";
import { TablePreview } from "./TablePreview";

/** Pick the connection, browse schemas and tables, look at one, import it. */
export default function ModelImport({ model }: { model: Model }) {
  const connections = $api.useQuery("get", "/api/v1/connections", { params: { query: { limit: 1000 } } });
  const [search, setSearch] = useSearchParams();
  const tables = useTables(model.id);
  usePasteToConnect({ model: model.id });
  if (!mayChange(model)) {
    return (
      <div className="page">
        <Notice tone="info" title="You may only look at this Model">
          <p>Ask {model.owner.name} to make you a collaborator if you want to import tables.</p>
        </Notice>
      </div>
    );
  }
  return (
    <Async
      query={connections}
      inset
      empty={({ items }) =>
        items.length === 0 ? (
          <Empty
            title="No connection yet"
            action={
              <Button component={Link} to={to.newConnection({ model: model.id })}>
                New connection
              </Button>
            }
          >
            <p>
              Tables are imported through a connection to your database. Make one first; it takes a minute. A
              connection string can be pasted right here.
            </p>
          </Empty>
        ) : undefined
      }
    >
      {({ items }) => {
        const connection = items.find((one) => one.id === search.get("connection")) ?? items[0];
        const schema = search.get("schema");
        const table = search.get("from");
        // Whatever was looked at in Data is still there on the way back.
        const here = search.get("table");
        const go = (next: Record<string, string>) => setSearch({ ...(here && { table: here }), ...next });
        const chosen = schema !== null && table !== null ? { schema, table } : null;
        return (
          connection && (
            <div className="model-body import">
              <div className="source">
                <NativeSelect
                  label="Connection"
                  data={items.map(({ id, name }) => ({ value: id, label: spelled(name) }))}
                  value={connection.id}
                  onChange={(event) => go({ connection: event.currentTarget.value })}
                />
                <ConnectionTree
                  key={connection.id}
                  connectionId={connection.id}
                  chosen={chosen}
                  imported={importedFrom(tables.data ?? [], connection.id)}
                  onChoose={(next) =>
                    go({ connection: connection.id, schema: next.schema, from: next.table })
                  }
                />
              </div>
              <div className="import-main">
                <Jobs model={model} compact={chosen !== null} />
                {chosen ? (
                  <TablePreview
                    tables={tables.data ?? []}
                    key={JSON.stringify([connection.id, chosen])}
                    model={model}
                    connectionId={connection.id}
                    {...chosen}
                  />
                ) : (
                  <Empty title="Pick a table">
                    <p>
                      Its columns and first rows are shown here before anything is imported. Figures beside
                      the names are the database's own estimates; nothing is counted.
                    </p>
                  </Empty>
                )}
              </div>
            </div>
          )
        );
      }}
    </Async>
  );
}

/** What is running, and what has run; beside a preview only what is new since the page was opened. */
function Jobs({ model, compact }: { model: Model; compact: boolean }) {
  const jobs = useQuery(jobsOf(model.id));
  const all = jobs.data?.items ?? [];
  const [old, setOld] = useState<ReadonlySet<string> | null>(null);
  if (old === null && jobs.data) setOld(new Set(all.filter(isOver).map((job) => job.id)));
  const items = compact ? all.filter((job) => !old?.has(job.id)) : all;
  if (items.length === 0) return null;
  const folded = items.filter((job) => isMadeGood(job, all));
  const shown = items.filter((job) => !folded.includes(job));
  return (
    <section aria-label="Imports and syncs">
      {!compact && <h2 style={{ margin: "0 0 12px" }}>Imports and syncs</h2>}
      {shown.length > 0 && <JobList model={model} jobs={shown.slice(0, compact ? 4 : 20)} />}
      {folded.length > 0 && !compact && (
        <details className="advanced" style={{ marginTop: 12 }}>
          <summary>
            {plural(folded.length, "earlier try", "earlier tries")} that a later one made good
          </summary>
          <JobList model={model} jobs={folded} />
        </details>
      )}
    </section>
  );
}

function JobList({ model, jobs }: { model: Model; jobs: Job[] }) {
  return (
    <ul className="jobs">
      {jobs.map((job) => (
        <li key={job.id}>
          <JobEntry model={model} job={job} />
        </li>
      ))}
    </ul>
  );
}

const ENDED = {
  succeeded: { tone: "success", word: "is done" },
  failed: { tone: "danger", word: "failed" },
  cancelled: { tone: "info", word: "was cancelled" },
} as const;

function JobEntry({ model, job }: { model: Model; job: Job }) {
  const source = `${job.source.schema}.${job.source.table}`;
  if (job.state === "queued" || job.state === "running") {
    return (
      <div className="stack" style={{ gap: 8 }}>
        <div>
          <strong>
            {JOBS[job.kind].doing} <Name text={job.table_name} />
          </strong>{" "}
          <span className="dim">
            from <Name text={source} />
          </span>
        </div>
        <JobProgress job={job} canCancel={mayChange(model)} />
      </div>
    );
  }
  const { tone, word } = ENDED[job.state];
  const seconds =
    job.started_at && job.finished_at
      ? (Date.parse(job.finished_at) - Date.parse(job.started_at)) / 1000
      : null;
  return (
    <div className="stack" style={{ gap: 8 }}>
      <div className="row spread">
        <div className="row" style={{ gap: "4px 8px" }}>
          <ToneIcon tone={tone} />
          <span>
            {JOBS[job.kind].noun} of{" "}
            <strong>
              <Name text={job.table_name} />
            </strong>{" "}
            {word}
          </span>
          <span className="dim small">
            {job.state === "succeeded" && `${plural(job.rows, "row")}, ${bytes(job.bytes)}`}
            {job.state === "succeeded" && seconds !== null && ` in ${duration(seconds)} · `}
            <TimeAgo at={job.finished_at ?? job.queued_at} />
          </span>
        </div>
        {job.state === "succeeded" && (
          <Button
            component={Link}
            to={to.model(model.id, "data", { table: job.table_id })}
            variant="default"
            size="xs"
            aria-label={`Open ${spelled(job.table_name)}`}
          >
            Open
          </Button>
        )}
        {job.state === "failed" && mayChange(model) && <RetryButton model={model} job={job} />}
      </div>
      {job.problem && (
        <ProblemNotice problem={job.problem} tone={job.state === "failed" ? "danger" : "warning"} />
      )}
    </div>
  );
}
