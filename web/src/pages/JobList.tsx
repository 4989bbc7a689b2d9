import { Button } from "@mantine/core";
import { useState } from "react";
import { Link } from "wouter";
import { answer, api, type Job, type Model, refresh } from "../api/client";
import { isOver, useLatest } from "../api/events";
import { to } from "../routes";
import { Confirm } from "../ui/Confirm";
import { bytes, duration, plural } from "../ui/format";
import { spelled } from "../ui/invisible";
import { ProblemNotice, ToneIcon } from "../ui/Notice";
import { TimeAgo } from "../ui/TimeAgo";
import { Name } from "../ui/Visible";
import { mayChange } from "./access";
import { isMadeGood } from "./imported";
import { JOBS, JobProgress } from "./JobProgress";
import { RetryButton } from "./RetryButton";

interface Props {
  /** Those that the jobs may belong to. */
  models: Model[];
  jobs: Job[];
  /** Each says to which Model it belongs. */
  named?: boolean;
  /** Among which a later job may have made an earlier one good; left out: those that are shown. */
  among?: Job[];
}

/** Jobs below each other. What failed and went well later is told, but no more in red. */
export function JobList({ models, jobs, named, among = jobs }: Props) {
  const running = jobs.filter((job) => !isOver(job)).length;
  return (
    <ul className="jobs">
      {jobs.map((job) => (
        <li key={job.id}>
          <JobEntry
            model={models.find(({ id }) => id === job.model_id)}
            job={job}
            named={named}
            brief={running > 1}
            isPast={isMadeGood(job, among)}
          />
        </li>
      ))}
    </ul>
  );
}

const ENDED = {
  succeeded: { tone: "success", word: "is done" },
  failed: { tone: "danger", word: "failed" },
  cancelled: { tone: "info", word: "was cancelled" },
  held: { tone: "warning", word: "waits for a decision" },
} as const;

/** Stops all that run of those that are listed. */
export function CancelAll({ jobs }: { jobs: Job[] }) {
  const [asking, setAsking] = useState(false);
  const running = jobs.filter((job) => !isOver(job));
  if (running.length < 2 && !asking) return null;
  return (
    <>
      <Button variant="default" size="xs" onClick={() => setAsking(true)}>
        Cancel all
      </Button>
      <Confirm
        opened={asking}
        onClose={() => setAsking(false)}
        title="Cancel jobs"
        action={`Cancel ${plural(running.length, "job")}`}
        run={async () => {
          for (const { id } of running)
            await answer(api.POST("/api/v1/jobs/{id}/cancel", { params: { path: { id } } }));
          await refresh("/api/v1/jobs", "/api/v1/models/{id}/jobs");
        }}
      >
        What the tables held before stays. What is done already is not undone.
      </Confirm>
    </>
  );
}

interface EntryProps {
  /** undefined: it is not known yet. */
  model: Model | undefined;
  job: Job;
  /** Says which Model it belongs to. */
  named?: boolean;
  /** One of several: what holds for all of them is not said by each. */
  brief: boolean;
  /** A later one made it good. */
  isPast: boolean;
}

function JobEntry({ model, job: given, named, brief, isPast }: EntryProps) {
  const job = useLatest(given);
  const into = named && model && (
    <span className="dim">
      {" "}
      in{" "}
      <Link className="link" to={to.model(model.id)}>
        <Name text={model.name} />
      </Link>
    </span>
  );
  const change = model !== undefined && mayChange(model);
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
          {into}
        </div>
        <JobProgress job={job} canCancel={change} brief={brief} />
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
          <span>
            {/* In the line, so that it is beside the words where they need several. */}
            <ToneIcon tone={isPast ? "info" : tone} /> {JOBS[job.kind].noun} of{" "}
            <strong>
              <Name text={job.table_name} />
            </strong>{" "}
            {job.unchanged ? "found nothing new" : word}
            {isPast && <span className="dim">, and a later one went well</span>}
            {into}
          </span>
          <span className="dim small">
            {job.state === "succeeded" && `${plural(job.rows, "row")}, ${bytes(job.bytes)}`}
            {job.state === "succeeded" && seconds !== null && ` in ${duration(seconds)} · `}
            <TimeAgo at={job.finished_at ?? job.queued_at} />
          </span>
          {job.connections_note && <span className="dim small">{job.connections_note}</span>}
        </div>
        {(job.state === "succeeded" || job.state === "held") && (
          <Button
            component={Link}
            to={to.model(job.model_id, "data", { table: job.table_id })}
            variant="default"
            size="xs"
            aria-label={`Open ${spelled(job.table_name)}`}
          >
            Open
          </Button>
        )}
        {job.state === "failed" && !isPast && change && <RetryButton model={model} job={job} />}
      </div>
      {job.problem &&
        (isPast ? (
          <details className="advanced">
            <summary>Why</summary>
            <ProblemNotice problem={job.problem} tone="info" />
          </details>
        ) : (
          <ProblemNotice problem={job.problem} tone={job.state === "failed" ? "danger" : "warning"} />
        ))}
    </div>
  );
}
