import { Button, Checkbox } from "@mantine/core";
import { useState } from "react";
import {
  answer,
  api,
  type Model,
  type Problem,
  queryClient,
  type SourceTable,
  type Table,
  toProblem,
} from "../api/client";
import { follow, jobsOf } from "../api/events";
import { ago, bytes, estimate, plural } from "../ui/format";
import { ProblemNotice, ToneIcon } from "../ui/Notice";
import { Name } from "../ui/Visible";
import { freeName, importedFrom, sourceKey } from "./imported";
import { keepImport } from "./importForms";

interface Props {
  model: Model;
  /** Those that the Model has already. */
  tables: readonly Table[];
  connectionId: string;
  marked: SourceTable[];
  /** All of them are queued. */
  onDone: () => void;
}

type Outcome = "queued" | Problem;

/** Several tables, or a whole schema, in one go: one job for each, so that each goes on or fails by itself. */
export function ImportMany({ model, tables, connectionId, marked, onDone }: Props) {
  const [copies, setCopies] = useState(false);
  const [busy, setBusy] = useState(false);
  const [outcomes, setOutcomes] = useState<ReadonlyMap<string, Outcome>>(new Map());
  const imported = importedFrom(tables, connectionId);
  const hereOf = (table: SourceTable) => imported.get(sourceKey(table.schema, table.name));
  const isQueued = (table: SourceTable) => outcomes.get(sourceKey(table.schema, table.name)) === "queued";
  const here = marked.filter((table) => hereOf(table) && !isQueued(table));
  const rows = marked.reduce((sum, table) => sum + Math.max(0, table.estimated_rows ?? 0), 0);
  const size = marked.reduce((sum, table) => sum + (table.bytes ?? 0), 0);

  const queue = async (table: SourceTable, taken: string[]) => {
    const old = hereOf(table);
    if (old && !copies) {
      return answer(api.POST("/api/v1/tables/{id}/sync", { params: { path: { id: old.id } } }));
    }
    const name = freeName(table.name, taken);
    const form = { name: name === table.name ? undefined : name };
    const begun = await answer(
      api.POST("/api/v1/models/{id}/imports", {
        params: { path: { id: model.id } },
        body: { connection_id: connectionId, schema: table.schema, table: table.name, ...form },
      }),
    );
    keepImport(begun.job.id, form);
    taken.push(begun.table.name);
    return begun;
  };
  const start = async () => {
    setBusy(true);
    const taken = tables.map(({ name }) => name);
    const next = new Map(outcomes);
    for (const table of marked) {
      const key = sourceKey(table.schema, table.name);
      if (next.get(key) === "queued") continue;
      try {
        follow((await queue(table, taken)).job);
        next.set(key, "queued");
      } catch (error) {
        next.set(key, toProblem(error));
      }
      setOutcomes(new Map(next));
    }
    await queryClient.invalidateQueries({ queryKey: jobsOf(model.id).queryKey });
    setBusy(false);
    if (marked.every((table) => next.get(sourceKey(table.schema, table.name)) === "queued")) onDone();
  };

  const failed = [...outcomes.values()].filter((one) => one !== "queued").length;
  const what = plural(marked.length, "table");
  return (
    <section className="card stack" aria-label="Import several tables" style={{ gap: 12 }}>
      <div className="row spread">
        <div>
          <h2 style={{ margin: 0 }}>{what} marked</h2>
          <div className="dim small">
            {estimate(rows)} rows{size > 0 && ` · ${bytes(size)}`}
          </div>
        </div>
        <div className="row">
          <Button variant="default" onClick={onDone} disabled={busy}>
            Clear
          </Button>
          <Button onClick={() => void start()} loading={busy}>
            {failed > 0 ? `Try ${plural(failed, "table")} again` : `Import ${what}`}
          </Button>
        </div>
      </div>
      {here.length > 0 && (
        <Checkbox
          checked={copies}
          onChange={(event) => setCopies(event.currentTarget.checked)}
          label={`Import second copies of what is in this Model already (${plural(here.length, "table")})`}
          description="Otherwise those are synced: they get a new version, and nothing is there twice."
        />
      )}
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: it scrolls, so the keyboard must reach it */}
      <ul className="marked-list" tabIndex={0} aria-label="Marked tables">
        {marked.map((table) => {
          const key = sourceKey(table.schema, table.name);
          const outcome = outcomes.get(key);
          const old = outcome === "queued" ? undefined : hereOf(table);
          return (
            <li key={key}>
              <div className="row" style={{ gap: 8 }}>
                <span>
                  <span className="dim">
                    <Name text={table.schema} />.
                  </span>
                  <Name text={table.name} />
                </span>
                <span className="dim small">
                  {table.estimated_rows !== null && `${estimate(table.estimated_rows)} rows`}
                  {old && !copies && " · will be synced"}
                  {old && copies && " · a second copy"}
                  {old?.source?.synced_at && `, read ${ago(old.source.synced_at, Date.now())}`}
                </span>
                {outcome === "queued" && (
                  <span className="small">
                    <ToneIcon tone="success" /> queued
                  </span>
                )}
              </div>
              {outcome && outcome !== "queued" && <ProblemNotice problem={outcome} />}
            </li>
          );
        })}
      </ul>
    </section>
  );
}
