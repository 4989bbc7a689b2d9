import { Button } from "@mantine/core";
import { useState } from "react";
import { $api, answer, api, type Job, toProblem } from "../api/client";
import { useFollowed, useLatest } from "../api/events";
import { bytes, count, duration, estimate, plural } from "../ui/format";
import { ProblemNotice } from "../ui/Notice";

export const JOBS: Record<Job["kind"], { noun: string; doing: string }> = {
  import: { noun: "Import", doing: "Importing" },
  sync: { noun: "Sync", doing: "Syncing" },
  restore: { noun: "Restore", doing: "Restoring" },
  verify: { noun: "Comparison", doing: "Comparing" },
};

/** Percent done, never 100 before the end; null without an estimate. */
export function percent({ rows, estimated_rows }: Pick<Job, "rows" | "estimated_rows">): number | null {
  return estimated_rows && estimated_rows > 0
    ? Math.min(99, Math.floor((rows / estimated_rows) * 100))
    : null;
}

/** How far a running job is, in numbers, with a way to stop it. */
export function JobProgress(props: { job: Job; canCancel: boolean; brief?: boolean }) {
  const { job, canCancel, brief } = props;
  const followed = useFollowed().find((one) => one.job.id === job.id);
  const now = useLatest(job);
  const rate = followed?.rate ?? null;
  const [error, setError] = useState<unknown>();
  const [cancelling, setCancelling] = useState(false);
  const done = percent(now);
  const left = rate && now.estimated_rows ? (now.estimated_rows - now.rows) / rate : null;
  const word = JOBS[now.kind].noun;
  const cancel = async () => {
    setCancelling(true);
    setError(undefined);
    try {
      await answer(api.POST("/api/v1/jobs/{id}/cancel", { params: { path: { id: job.id } } }));
    } catch (problem) {
      setError(problem);
      setCancelling(false);
    }
  };
  return (
    <div>
      <div className="row spread" style={{ flexWrap: "nowrap" }}>
        <div style={{ flex: 1, minWidth: 0 }}>
          <div
            className={now.state === "running" && done === null ? "progress unknown" : "progress"}
            role="progressbar"
            aria-label={`${word} of ${now.table_name}`}
            aria-valuemin={0}
            aria-valuemax={100}
            aria-valuenow={done ?? undefined}
          >
            <div style={{ width: `${now.state === "queued" ? 0 : (done ?? 100)}%` }} />
          </div>
        </div>
        <Button
          size="xs"
          variant="default"
          onClick={cancel}
          loading={cancelling}
          aria-label={brief ? `Cancel ${word.toLowerCase()} of ${now.table_name}` : undefined}
          disabled={!canCancel}
          title={canCancel ? undefined : "You may only look at this Model."}
        >
          Cancel
        </Button>
      </div>
      <div className="small dim progress-numbers">
        {now.state === "queued" ? (
          <span>{now.waiting_for === "imports" ? <WaitingFor job={now} /> : "Waiting for its turn"}</span>
        ) : (
          <>
            <span>
              {count(now.rows)}
              {now.estimated_rows !== null && ` of ${estimate(now.estimated_rows)}`} rows
            </span>
            <span>{bytes(now.bytes)}</span>
            {rate && <span>{count(Math.round(rate))} rows/s</span>}
            {left !== null && left > 0 && <span>about {duration(left)} left</span>}
            {now.waiting_for && <WaitingFor job={now} />}
          </>
        )}
      </div>
      {(cancelling || !brief) && (
        <div className="small dim">
          {cancelling
            ? "Stopping. What the table held before stays."
            : "It goes on when this page is closed. Cancel leaves everything as it was."}
        </div>
      )}
      <div className="visually-hidden" role="status">
        {now.state === "running" &&
          `${word} of ${now.table_name} ${done === null ? "runs" : `${Math.floor(done / 25) * 25} %`}`}
      </div>
      {error !== undefined && <ProblemNotice problem={toProblem(error)} />}
    </div>
  );
}

/** Which ceiling of the connection it is that makes it slow. Only the connection's owner knows the figure. */
function WaitingFor({ job }: { job: Job }) {
  const id = job.source.connection_id ?? "";
  const connection = $api.useQuery(
    "get",
    "/api/v1/connections/{id}",
    { params: { path: { id } } },
    { enabled: id !== "", retry: false },
  );
  const limits = connection.data?.limits;
  if (job.waiting_for === "imports") {
    const at = limits?.imports;
    return <span>waiting: the connection's limit of {at ? plural(at, "import") : "imports"} at a time</span>;
  }
  const rate = limits?.bytes_per_second;
  return <span>held back: the connection's limit{rate ? ` of ${rate / 1e6} MB/s` : ""}</span>;
}
