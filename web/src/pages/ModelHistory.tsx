import { Button, NativeSelect } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { Download, RefreshCw, Undo2 } from "lucide-react";
import { Link, useLocation, useSearchParams } from "wouter";
import { $api, allPages, api, type Model, type Table, type Version, type VersionName } from "../api/client";
import { useTables } from "../api/tables";
import { to } from "../routes";
import { Async, Empty } from "../ui/Async";
import { bytes, count, plural } from "../ui/format";
import { spelled } from "../ui/invisible";
import { TimeAgo } from "../ui/TimeAgo";
import { visible } from "../ui/Visible";
import { ChangeCounts } from "./ChangeCounts";
import { DeleteVersion } from "./DeleteVersion";
import { DiffView, parseName } from "./DiffView";
import { RestoreButton } from "./RestoreButton";
import { TableGone } from "./TableGone";

/** Every version that a table ever had. */
export default function ModelHistory({ model }: { model: Model }) {
  const tables = useTables(model.id);
  const [search] = useSearchParams();
  const [, navigate] = useLocation();
  return (
    <Async
      query={tables}
      inset
      empty={(items) =>
        items.length === 0 ? (
          <Empty title="No history yet">
            <title>{`History of ${spelled(model.name)} · Mycorr`}</title>
            <p>
              Each import and each sync of a table adds a version. They will stand here, and can be restored.
            </p>
          </Empty>
        ) : undefined
      }
    >
      {(items) => {
        const wanted = search.get("table");
        const table = wanted ? items.find((one) => one.id === wanted) : items[0];
        const name = spelled(table ? table.name : model.name);
        const title = <title>{`${search.has("to") ? "Changes of" : "History of"} ${name} · Mycorr`}</title>;
        if (!table) {
          return (
            <>
              {title}
              <TableGone model={model} tab="history" />
            </>
          );
        }
        return (
          <div className={search.has("to") ? "page history wide" : "page history"}>
            {title}
            <NativeSelect
              className="form"
              label="Table"
              data={items.map(({ id, name }) => ({ value: id, label: spelled(name) }))}
              value={table.id}
              onChange={(event) =>
                navigate(to.model(model.id, "history", { table: event.currentTarget.value }))
              }
            />
            <Timeline
              key={table.id}
              model={model}
              table={table}
              from={parseName(search.get("from"))}
              until={parseName(search.get("to"))}
            />
          </div>
        );
      }}
    </Async>
  );
}

interface TimelineProps {
  model: Model;
  table: Table;
  /** The versions that are compared. */
  from: VersionName | null;
  until: VersionName | null;
}

function Timeline({ model, table, from, until }: TimelineProps) {
  const versions = useQuery<Version[]>({
    queryKey: ["get", "/api/v1/tables/{id}/versions", table.id],
    queryFn: () =>
      allPages((after) =>
        api.GET("/api/v1/tables/{id}/versions", {
          params: { path: { id: table.id }, query: { limit: 1000, after } },
        }),
      ),
  });
  return (
    <Async query={versions}>
      {(items) =>
        from && until ? (
          <DiffView model={model} table={table} versions={items} from={from} to={until} />
        ) : (
          <ol className="timeline" aria-label={`Versions of ${spelled(table.name)}`}>
            {items.map((version, at) => (
              <Entry
                key={version.version}
                model={model}
                table={table}
                version={version}
                before={items[at + 1]}
                compared={at < COMPARED}
              />
            ))}
          </ol>
        )
      }
    </Async>
  );
}

/** So many of the newest versions are compared with the one before without being asked. */
const COMPARED = 5;

const CAUSES = { import: Download, sync: RefreshCw, restore: Undo2 };

function caused({ cause, restored_version }: Version): string {
  if (cause === "import") return "Imported";
  if (cause === "sync") return "Synced";
  return restored_version ? `Restored version ${count(restored_version)}` : "Restored";
}

interface EntryProps {
  model: Model;
  table: Table;
  version: Version;
  before: Version | undefined;
  /** Whether its difference is looked up. */
  compared: boolean;
}

function Entry({ model, table, version, before, compared }: EntryProps) {
  const diff = $api.useQuery(
    "get",
    "/api/v1/tables/{id}/diff",
    { params: { path: { id: table.id }, query: { from: before?.version, to: version.version } } },
    { enabled: compared && before !== undefined, staleTime: Number.POSITIVE_INFINITY },
  );
  const Icon = CAUSES[version.cause];
  const more = before ? version.rows - before.rows : 0;
  const newest = version.version === table.version;
  const columns = [
    ["Added", version.columns_added],
    ["Removed", version.columns_removed],
    ["Changed", version.columns_changed],
  ] as const;
  return (
    <li>
      <span className="timeline-mark" aria-hidden>
        <Icon size={14} />
      </span>
      <div className="timeline-body">
        <div className="row">
          <strong>Version {count(version.version)}</strong>
          {newest && <span className="badge">newest</span>}
          <span>{caused(version)}</span>
          <span className="dim">
            <TimeAgo at={version.created_at} />
            {version.created_by && ` by ${version.created_by.name}`}
          </span>
        </div>
        <div className="dim small">
          {plural(version.rows, "row")}
          {more !== 0 && ` (${more > 0 ? "+" : "−"}${count(Math.abs(more))})`} · {bytes(version.bytes)}
          {typeof diff.data === "object" && "columns" in diff.data && (
            <>
              {" · "}
              <ChangeCounts diff={diff.data} />
            </>
          )}
          {version.checkpoint !== null && (
            <>
              {" · kept as "}
              <strong>{visible(version.checkpoint)}</strong>
            </>
          )}
        </div>
        {version.source_change && (
          <div className="small">
            {version.source_change === "renamed"
              ? "The table at the source was renamed"
              : "Read from another table under the same name"}
          </div>
        )}
        {before &&
          columns.map(
            ([word, names]) =>
              names.length > 0 && (
                <div key={word} className="small">
                  {word} {names.length === 1 ? "column" : "columns"}{" "}
                  <span className="mono">{visible(names.join(", "))}</span>
                </div>
              ),
          )}
      </div>
      <div className="row">
        <Button
          variant="default"
          size="xs"
          component={Link}
          to={to.model(model.id, "data", {
            table: table.id,
            ...(newest ? {} : { v: String(version.version) }),
          })}
          aria-label={`View version ${version.version}`}
        >
          View
        </Button>
        {before && (
          <Button
            variant="default"
            size="xs"
            component={Link}
            to={to.model(model.id, "history", {
              table: table.id,
              from: String(before.version),
              to: String(version.version),
            })}
            aria-label={`Compare version ${version.version} with version ${before.version}`}
          >
            Compare
          </Button>
        )}
        {!newest && <RestoreButton model={model} table={table} version={version.version} />}
        {!newest && version.checkpoint === null && (
          <DeleteVersion model={model} table={table} version={version.version} />
        )}
      </div>
    </li>
  );
}
