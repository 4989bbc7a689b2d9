import { Button, NativeSelect } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { Download, RefreshCw, Undo2 } from "lucide-react";
import { Link, useLocation, useSearchParams } from "wouter";
import { allPages, api, type Model, type Table, type Version } from "../api/client";
import { useTables } from "../api/tables";
import { to } from "../routes";
import { Async, Empty } from "../ui/Async";
import { bytes, count, plural } from "../ui/format";
import { spelled } from "../ui/invisible";
import { TimeAgo } from "../ui/TimeAgo";
import { visible } from "../ui/Visible";
import { RestoreButton } from "./RestoreButton";

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
            <p>
              Each import and each sync of a table adds a version. They will stand here, and can be restored.
            </p>
          </Empty>
        ) : undefined
      }
    >
      {(items) => {
        const table = items.find((one) => one.id === search.get("table")) ?? items[0];
        return (
          table && (
            <div className="page history">
              <NativeSelect
                className="form"
                label="Table"
                data={items.map(({ id, name }) => ({ value: id, label: spelled(name) }))}
                value={table.id}
                onChange={(event) =>
                  navigate(to.model(model.id, "history", { table: event.currentTarget.value }))
                }
              />
              <Timeline key={table.id} model={model} table={table} />
            </div>
          )
        );
      }}
    </Async>
  );
}

function Timeline({ model, table }: { model: Model; table: Table }) {
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
      {(items) => (
        <ol className="timeline" aria-label={`Versions of ${spelled(table.name)}`}>
          {items.map((version, at) => (
            <Entry
              key={version.version}
              model={model}
              table={table}
              version={version}
              before={items[at + 1]}
            />
          ))}
        </ol>
      )}
    </Async>
  );
}

const CAUSES = { import: Download, sync: RefreshCw, restore: Undo2 };

function caused({ cause, restored_version }: Version): string {
  if (cause === "import") return "Imported";
  if (cause === "sync") return "Synced";
  return restored_version ? `Restored version ${count(restored_version)}` : "Restored";
}

function Entry(props: { model: Model; table: Table; version: Version; before: Version | undefined }) {
  const { model, table, version, before } = props;
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
        {!newest && <RestoreButton model={model} table={table} version={version.version} />}
      </div>
    </li>
  );
}
