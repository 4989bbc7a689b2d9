import { Button } from "@mantine/core";
import { useState } from "react";
import { Link } from "wouter";
import { answer, api, type Job, type Model, queryClient, toProblem } from "../api/client";
import { follow, jobsOf } from "../api/events";
import { to } from "../routes";
import { spelled } from "../ui/invisible";
import { ProblemNotice } from "../ui/Notice";

/** Does a failed job again. An import begins at its preview, with what was chosen for it where that is known. */
export function RetryButton({ model, job }: { model: Model; job: Job }) {
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState<unknown>();
  const label = `Retry ${spelled(job.table_name)}`;
  const { connection_id, schema, table } = job.source;
  if (job.kind === "restore") return null;
  if (job.kind === "import") {
    if (!connection_id) return null;
    const search = { connection: connection_id, schema, from: table, retry: job.id };
    return (
      <Button
        component={Link}
        variant="default"
        size="xs"
        aria-label={label}
        to={to.model(model.id, "import", search)}
      >
        Retry…
      </Button>
    );
  }
  const path = job.kind === "verify" ? "/api/v1/tables/{id}/verify" : "/api/v1/tables/{id}/sync";
  const retry = async () => {
    setBusy(true);
    setError(undefined);
    try {
      const started = await answer(api.POST(path, { params: { path: { id: job.table_id } } }));
      await queryClient.invalidateQueries({ queryKey: jobsOf(model.id).queryKey });
      follow(started.job);
    } catch (problem) {
      setError(problem);
    }
    setBusy(false);
  };
  return (
    <>
      <Button variant="default" size="xs" aria-label={label} loading={busy} onClick={retry}>
        Retry
      </Button>
      {error !== undefined && <ProblemNotice problem={toProblem(error)} />}
    </>
  );
}
