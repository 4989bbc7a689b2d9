import { Button, NativeSelect } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { Link, useSearchParams } from "wouter";
import { $api, type Model, type SourceTable } from "../api/client";
import { isOver, jobsOf } from "../api/events";
import { useTables } from "../api/tables";
import { to } from "../routes";
import { Async, Empty } from "../ui/Async";
import { plural } from "../ui/format";
import { spelled } from "../ui/invisible";
import { Notice } from "../ui/Notice";
import { mayChange } from "./access";
import { ConnectionTree } from "./ConnectionTree";
import { ImportMany } from "./ImportMany";
import { importedFrom, isMadeGood, sourceKey } from "./imported";
import { CancelAll, JobList } from "./JobList";
import { usePasteToConnect } from "./pasted";
import { TablePreview } from "./TablePreview";

interface Marked {
  of: string;
  marked: ReadonlyMap<string, SourceTable>;
}

const NONE: ReadonlyMap<string, SourceTable> = new Map();

/** Pick the connection, browse schemas and tables, look at one, import it. */
export default function ModelImport({ model }: { model: Model }) {
  const connections = $api.useQuery("get", "/api/v1/connections", { params: { query: { limit: 1000 } } });
  const [search, setSearch] = useSearchParams();
  const tables = useTables(model.id);
  // Of one connection: another one's tables are marked anew.
  const [{ of, marked }, setMarked] = useState<Marked>({ of: "", marked: new Map() });
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
        const wanted = search.get("connection");
        const connection = wanted ? items.find((one) => one.id === wanted) : items[0];
        if (!connection) return <ConnectionGone model={model} />;
        const schema = search.get("schema");
        const table = search.get("from");
        // Whatever was looked at in Data is still there on the way back.
        const here = search.get("table");
        const go = (next: Record<string, string>) => setSearch({ ...(here && { table: here }), ...next });
        const now = of === connection.id ? marked : NONE;
        const mark = (found: SourceTable[], on: boolean) => {
          const next = new Map(now);
          for (const one of found) {
            const key = sourceKey(one.schema, one.name);
            if (on) next.set(key, one);
            else next.delete(key);
          }
          setMarked({ of: connection.id, marked: next });
        };
        const chosen = schema !== null && table !== null ? { schema, table } : null;
        return (
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
                onChoose={(next) => go({ connection: connection.id, schema: next.schema, from: next.table })}
                marked={now}
                onMark={mark}
              />
            </div>
            <div className="import-main">
              {now.size > 0 && (
                <ImportMany
                  key={connection.id}
                  model={model}
                  tables={tables.data ?? []}
                  connectionId={connection.id}
                  marked={[...now.values()]}
                  onDone={() => {
                    setMarked({ of: "", marked: NONE });
                    go({ connection: connection.id });
                  }}
                />
              )}
              <Jobs model={model} compact={chosen !== null} />
              {chosen ? (
                <TablePreview
                  tables={tables.data ?? []}
                  key={JSON.stringify([connection.id, chosen, search.get("retry")])}
                  model={model}
                  connectionId={connection.id}
                  {...chosen}
                />
              ) : (
                <Empty title="Pick a table">
                  <p>
                    Its columns and first rows are shown here before anything is imported. Figures beside the
                    names are the database's own estimates; nothing is counted. Mark several, or a whole
                    schema, to import them together.
                  </p>
                </Empty>
              )}
            </div>
          </div>
        );
      }}
    </Async>
  );
}

/** In the place of a connection that a link names. */
function ConnectionGone({ model }: { model: Model }) {
  return (
    <Empty
      title="This connection is not here"
      action={
        <Button component={Link} to={to.model(model.id, "import")}>
          Use another connection
        </Button>
      }
    >
      <p>It was deleted, or it belongs to somebody else.</p>
    </Empty>
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
      {!compact && (
        <div className="row spread" style={{ marginBottom: 12 }}>
          <h2 style={{ margin: 0 }}>Imports and syncs</h2>
          <div className="row">
            <CancelAll jobs={all} />
            <Link className="link" to={`${to.jobs}?model=${model.id}`}>
              All jobs of this Model
            </Link>
          </div>
        </div>
      )}
      {shown.length > 0 && <JobList models={[model]} jobs={shown.slice(0, compact ? 4 : 20)} />}
      {folded.length > 0 && !compact && (
        <details className="advanced" style={{ marginTop: 12 }}>
          <summary>
            {plural(folded.length, "earlier try", "earlier tries")} that a later one made good
          </summary>
          <JobList models={[model]} jobs={folded} among={all} />
        </details>
      )}
    </section>
  );
}
