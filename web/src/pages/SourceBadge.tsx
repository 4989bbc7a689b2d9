import { ActionIcon, Button, Menu, Tooltip } from "@mantine/core";
import { Database, EllipsisVertical, RefreshCw } from "lucide-react";
import { useState } from "react";
import { Link, useLocation } from "wouter";
import {
  $api,
  answer,
  api,
  type Job,
  type Model,
  queryClient,
  refresh,
  type Table,
  toProblem,
  type VersionName,
} from "../api/client";
import { follow, isOver, jobsOf } from "../api/events";
import { to } from "../routes";
import { Confirm } from "../ui/Confirm";
import { Dialog } from "../ui/Dialog";
import { bytes, count } from "../ui/format";
import { NameForm } from "../ui/NameForm";
import { Notice, ProblemNotice } from "../ui/Notice";
import { TimeAgo } from "../ui/TimeAgo";
import { Name, visible } from "../ui/Visible";
import { mayChange } from "./access";
import { HeldSync } from "./HeldSync";
import { JOBS, JobProgress } from "./JobProgress";
import { ReceiptNotice } from "./Receipt";
import { RestoreButton } from "./RestoreButton";
import { PausedSchedule, ScheduleButton, ScheduleDialog, ScheduleNote } from "./Schedule";
import { Selected } from "./Selection";
import { SyncPolicyDialog } from "./SyncPolicy";
import { useTableHref } from "./tableHref";
import { UseConnection } from "./UseConnection";

interface Props {
  model: Model;
  table: Table;
  /** The Model's latest, newest first. */
  jobs: Job[];
  /** The version looked at. */
  version: VersionName;
}

/** A table's name, where its content comes from and how old it is; sync; what went wrong at the last one. */
export function SourceBadge({ model, table, jobs, version }: Props) {
  const latest = jobs.find((job) => job.table_id === table.id);
  const running = latest && !isOver(latest) ? latest : null;
  const [error, setError] = useState<unknown>();
  const [hidden, setHidden] = useState<string | null>(null);
  const [pointing, setPointing] = useState(false);
  const href = useTableHref(table);
  const [scheduling, setScheduling] = useState(false);
  // It reads on, and only a connection of one's own brings the newest.
  const lost = table.source !== null && !table.source.has_connection;
  const queue = async (path: "/api/v1/tables/{id}/sync" | "/api/v1/tables/{id}/verify") => {
    setError(undefined);
    try {
      const { job } = await answer(api.POST(path, { params: { path: { id: table.id } } }));
      await queryClient.invalidateQueries({ queryKey: jobsOf(model.id).queryKey });
      follow(job);
    } catch (problem) {
      setError(problem);
    }
  };
  const sync = () => queue("/api/v1/tables/{id}/sync");
  // A job that succeeded may have something to say too: that row-level security hid rows, for one.
  const told = latest && isOver(latest) && latest.id !== hidden && version === table.version ? latest : null;
  return (
    <>
      <div className="row spread">
        <div className="row" style={{ minWidth: 0 }}>
          <h2 className="table-name">{visible(table.name)}</h2>
          <Source table={table} version={version} />
        </div>
        <div className="row">
          <SyncButton model={model} table={table} running={running !== null} onSync={sync} />
          {table.source && (
            <ScheduleButton table={table} reason={noSync(model, table)} onOpen={() => setScheduling(true)} />
          )}
          {lost && mayChange(model) && (
            <Button variant="default" size="xs" onClick={() => setPointing(true)}>
              Use another connection…
            </Button>
          )}
          {mayChange(model) && (
            <TableMenu
              model={model}
              table={table}
              onPoint={() => setPointing(true)}
              onVerify={
                running || !table.source?.has_connection
                  ? null
                  : () => void queue("/api/v1/tables/{id}/verify")
              }
            />
          )}
        </div>
      </div>
      <ScheduleDialog
        table={table}
        opened={scheduling}
        reason={noSync(model, table)}
        onClose={() => setScheduling(false)}
      />
      <Selected table={table} />
      <UseConnection
        table={table}
        opened={pointing}
        onClose={() => setPointing(false)}
        onSync={() => void sync()}
      />
      {running && <JobProgress job={running} canCancel={mayChange(model)} />}
      {error !== undefined && <ProblemNotice problem={toProblem(error)} />}
      {told?.receipt && (
        <ReceiptNotice job={told}>
          <HideButton onClick={() => setHidden(told.id)} />
        </ReceiptNotice>
      )}
      {told?.problem &&
        !told.receipt &&
        (told.state === "failed" ? (
          <ProblemNotice
            problem={{
              ...told.problem,
              title: `The last ${JOBS[told.kind].noun.toLowerCase()} failed: ${told.problem.title}`,
            }}
          >
            <span className="dim small">What you see is what the table held before; nothing was lost.</span>
            {mayChange(model) && table.source?.has_connection && (
              <Button variant="default" size="xs" onClick={() => void sync()}>
                Retry
              </Button>
            )}
            <HideButton onClick={() => setHidden(told.id)} />
          </ProblemNotice>
        ) : (
          <ProblemNotice problem={told.problem} tone={told.state === "succeeded" ? "warning" : "info"}>
            <HideButton onClick={() => setHidden(told.id)} />
          </ProblemNotice>
        ))}
      {table.held_job_id && (
        <HeldSync key={table.held_job_id} model={model} table={table} looking={version === "held"} />
      )}
      {version === "held" && (
        <Notice
          tone="info"
          title={
            table.held_job_id ? "You are looking at a held sync" : "No sync waits for a decision any more"
          }
        >
          <p>
            {table.held_job_id
              ? "These rows are not in the table unless the sync is accepted."
              : "It was accepted, discarded, or a later sync took its place."}
          </p>
          {!table.held_job_id && (
            <div className="row" style={{ marginTop: 12 }}>
              <Button variant="default" size="xs" component={Link} to={href()}>
                Show the newest
              </Button>
            </div>
          )}
        </Notice>
      )}
      {table.source && version === table.version && (
        <PausedSchedule table={table} onOpen={mayChange(model) ? () => setScheduling(true) : undefined} />
      )}
      {version === table.version && <ColumnChanges table={table} version={version} />}
      {table.version !== null && version !== "held" && version !== table.version && (
        <Notice tone="info" title={`You are looking at version ${count(version)}`}>
          <p>The newest is version {count(table.version)}.</p>
          <div className="row" style={{ marginTop: 12 }}>
            <Button variant="default" size="xs" component={Link} to={href()}>
              Show the newest
            </Button>
            <RestoreButton model={model} table={table} version={version} />
          </div>
        </Notice>
      )}
    </>
  );
}

const CHANGES = "mycorr.seen-columns.";

/** The newest version has other columns than the one before: said until somebody has seen it. */
function ColumnChanges({ table, version }: { table: Table; version: number }) {
  const newest = $api.useQuery(
    "get",
    "/api/v1/tables/{id}/versions",
    { params: { path: { id: table.id }, query: { limit: 1 } } },
    { enabled: version > 1 },
  );
  const href = useTableHref(table);
  const [seen, setSeen] = useState(() => localStorage.getItem(CHANGES + table.id));
  const entry = newest.data?.items[0];
  if (!entry || entry.version !== version || entry.cause === "import" || seen === String(version))
    return null;
  const changes = [
    ["New", entry.columns_added],
    ["Gone", entry.columns_removed],
    ["Changed", entry.columns_changed],
  ] as const;
  if (changes.every(([, names]) => names.length === 0)) return null;
  return (
    <Notice tone="warning" title={`Version ${count(version)} has other columns than the one before`}>
      {changes.map(
        ([word, names]) =>
          names.length > 0 && (
            <p key={word}>
              {word}: <span className="mono">{visible(names.join(", "))}</span>
            </p>
          ),
      )}
      <div className="row" style={{ marginTop: 12 }}>
        <Button variant="default" size="xs" component={Link} to={href({ v: String(version - 1) })}>
          Show the version before
        </Button>
        <HideButton
          onClick={() => {
            localStorage.setItem(CHANGES + table.id, String(version));
            setSeen(String(version));
          }}
        />
      </div>
    </Notice>
  );
}

function HideButton({ onClick }: { onClick: () => void }) {
  return (
    <Button variant="default" size="xs" onClick={onClick}>
      Hide
    </Button>
  );
}

function Source({ table, version }: { table: Table; version: VersionName }) {
  const { source } = table;
  const newest = version === table.version;
  const connections = $api.useQuery("get", "/api/v1/connections", { params: { query: { limit: 1000 } } });
  const connection = connections.data?.items.find((one) => one.id === source?.connection_id);
  return (
    <span className="badge">
      <Database size={12} aria-hidden />
      {source && (
        <>
          from{" "}
          {connection && (
            <Link className="link" to={to.connection(connection.id)}>
              <Name text={connection.name} />
            </Link>
          )}{" "}
          <span>
            <Name text={source.schema} />.<Name text={source.table} />
          </span>
          {source.connection_id === null && (
            <>
              <span aria-hidden>·</span>
              <span>{source.has_connection ? "somebody else's connection" : "connection gone"}</span>
            </>
          )}
          <span aria-hidden>·</span>
        </>
      )}
      <span>{version === "held" ? "held sync" : `version ${count(version)}`}</span>
      {newest && source?.synced_at && (
        <>
          <span aria-hidden>·</span>
          <span>
            read <TimeAgo at={source.synced_at} />
          </span>
        </>
      )}
      {newest && (
        <>
          <span aria-hidden>·</span>
          <span>{bytes(table.bytes)}</span>
        </>
      )}
      <Policy table={table} />
      {newest && source && <ScheduleNote table={table} />}
    </span>
  );
}

/** Which syncs of it are held. */
function Policy({ table }: { table: Table }) {
  const policy = $api.useQuery("get", "/api/v1/tables/{id}/sync-policy", {
    params: { path: { id: table.id } },
  });
  const hold = policy.data?.hold ?? "never";
  if (hold === "never") return null;
  return (
    <>
      <span aria-hidden>·</span>
      <span>{hold === "always" ? "asks before each change" : "asks before a breaking change"}</span>
    </>
  );
}

/** Why it can't be synced by who looks. */
function noSync(model: Model, table: Table): string | null {
  if (!mayChange(model)) return "You may only look at this Model.";
  return table.source?.has_connection
    ? null
    : "The connection it came through was deleted. What was read stays.";
}

function SyncButton(props: { model: Model; table: Table; running: boolean; onSync: () => void }) {
  const { model, table, running, onSync } = props;
  const reason = running ? "A job is running on this table." : noSync(model, table);
  return (
    <Tooltip label={reason} disabled={reason === null}>
      <Button
        variant="default"
        size="xs"
        leftSection={<RefreshCw size={14} />}
        // Stays in the tab order, so that the reason can be read there too.
        aria-disabled={reason !== null}
        data-disabled={reason !== null || undefined}
        onClick={reason === null ? onSync : undefined}
      >
        {running ? "Busy…" : "Sync now"}
      </Button>
    </Tooltip>
  );
}

function TableMenu(props: {
  model: Model;
  table: Table;
  onPoint: () => void;
  onVerify: (() => void) | null;
}) {
  const { model, table, onPoint, onVerify } = props;
  const [dialog, setDialog] = useState<"rename" | "policy" | "delete" | null>(null);
  const [, navigate] = useLocation();
  const close = () => setDialog(null);
  const params = { path: { id: table.id } };
  return (
    <>
      <Menu position="bottom-end">
        <Menu.Target>
          <ActionIcon variant="default" size={30} aria-label="Actions on this table">
            <EllipsisVertical size={16} />
          </ActionIcon>
        </Menu.Target>
        <Menu.Dropdown>
          <Menu.Item component={Link} to={to.model(model.id, "history", { table: table.id })}>
            History
          </Menu.Item>
          <Menu.Item component={Link} to={to.model(model.id, "data", { table: table.id, share: table.id })}>
            Share this table…
          </Menu.Item>
          {onVerify && <Menu.Item onClick={onVerify}>Compare with the source</Menu.Item>}
          <Menu.Item onClick={() => setDialog("rename")}>Rename…</Menu.Item>
          <Menu.Item onClick={() => setDialog("policy")}>Sync policy…</Menu.Item>
          {table.source && <Menu.Item onClick={onPoint}>Use another connection…</Menu.Item>}
          <Menu.Item c="var(--danger)" onClick={() => setDialog("delete")}>
            Delete table…
          </Menu.Item>
        </Menu.Dropdown>
      </Menu>
      <Dialog opened={dialog === "rename"} onClose={close} title="Rename table">
        <NameForm
          name={table.name}
          description="Only here; the source keeps its own name."
          action="Rename"
          onClose={close}
          save={async (name) => {
            await answer(api.PATCH("/api/v1/tables/{id}", { params, body: { name } }));
            await refresh("/api/v1/models/{id}/tables");
          }}
        />
      </Dialog>
      <SyncPolicyDialog table={table} opened={dialog === "policy"} onClose={close} />
      <Confirm
        opened={dialog === "delete"}
        onClose={close}
        title="Delete table"
        action="Delete table"
        typed={table.name}
        danger
        run={async () => {
          await answer(api.DELETE("/api/v1/tables/{id}", { params }));
          navigate(to.model(model.id));
          await refresh("/api/v1/models/{id}/tables", "/api/v1/models", "/api/v1/models/{id}");
        }}
      >
        All its versions are removed for good. The database it came from is not touched.
      </Confirm>
    </>
  );
}
