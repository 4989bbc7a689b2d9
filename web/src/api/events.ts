// Jobs that this tab follows: one event stream for all of them, feeding the query cache and whoever shows progress.
import { useSyncExternalStore } from "react";
import { $api, answer, api, type Job, onOtherTab, queryClient, refresh, tellTabs, toProblem } from "./client";

export interface Followed {
  job: Job;
  /** Rows per second since this tab has been watching; null until that says something. */
  rate: number | null;
}

interface Entry extends Followed {
  first: { at: number; rows: number } | null;
}

/** Where nothing runs, this often it is asked whether something does, ms. */
const LOOK_INTERVAL = 15_000;
/** So many jobs that ended are remembered: the end may be told before the answer that began it is here. */
const MAX_ENDED = 200;

const entries = new Map<string, Entry>();
const endedJobs = new Map<string, Job>();
const listeners = new Set<() => void>();
let snapshot: readonly Followed[] = [];
let lastEnded: Job | null = null;
let stream: EventSource | null = null;
let watching = false;
let timer: ReturnType<typeof setTimeout> | undefined;

export const isOver = (job: Job) => job.state !== "queued" && job.state !== "running";

function publish() {
  snapshot = [...entries.values()].map(({ job, rate }) => ({ job, rate }));
  for (const listener of listeners) listener();
}

/** Starts to follow a job; does nothing for one that is over or already followed. */
export function follow(job: Job) {
  const ended = endedJobs.get(job.id);
  if (isOver(job) || entries.has(job.id)) return;
  entries.set(job.id, { job, rate: null, first: null });
  if (ended) update(ended);
  else publish();
  watch();
  tellTabs("jobs");
}

/** Follows all that the person may see and that is not over, for as long as they are signed in. */
export function watchJobs() {
  watching = true;
  void look();
}

export function unfollowAll() {
  watching = false;
  clearTimeout(timer);
  stream?.close();
  stream = null;
  entries.clear();
  publish();
}

/**
 * A browser opens six connections to one host, for all its tabs together: the stream is open only while something
 * runs and the tab is seen.
 */
function watch() {
  const wanted = watching && entries.size > 0 && document.visibilityState === "visible";
  if (!wanted) {
    stream?.close();
    stream = null;
    return;
  }
  if (stream) return;
  const opened = new EventSource("/api/v1/jobs/events");
  stream = opened;
  opened.addEventListener("job", (event) => update(JSON.parse(event.data) as Job));
  // It ends each minute and connects again by itself; what ended in between is asked for.
  opened.onopen = () => void look();
  opened.onerror = () => {
    // The server said no: it is asked in the plain way, a little later.
    if (opened.readyState !== EventSource.CLOSED || stream !== opened) return;
    stream = null;
    clearTimeout(timer);
    timer = setTimeout(look, 3_000);
  };
}

/** What runs now, and how what was followed ended. */
async function look() {
  clearTimeout(timer);
  if (!watching) return;
  try {
    const query = { state: ["queued", "running"] satisfies Job["state"][], limit: 1000 };
    const { items } = await answer(api.GET("/api/v1/jobs", { params: { query } }));
    const live = new Set(items.map(({ id }) => id));
    for (const job of items) update(job);
    await Promise.all([...entries.keys()].filter((id) => !live.has(id)).map(ask));
  } catch {
    // Away, or signed out: asked again.
  }
  watch();
  clearTimeout(timer);
  if (watching && document.visibilityState === "visible") timer = setTimeout(look, LOOK_INTERVAL);
}

document.addEventListener("visibilitychange", () => {
  watch();
  if (document.visibilityState === "visible") void look();
});
onOtherTab("jobs", () => void look());

async function ask(id: string) {
  try {
    update(await answer(api.GET("/api/v1/jobs/{id}", { params: { path: { id } } })));
  } catch (problem) {
    // A server that is away, or a session that ended, comes back; a job that is gone does not.
    const { status } = toProblem(problem);
    if (status === 404 || status === 403) end(id);
  }
}

/** The mean rate since the first row seen; the first second says too little. */
export function rateOf(first: { at: number; rows: number }, at: number, rows: number): number | null {
  const seconds = (at - first.at) / 1000;
  return seconds >= 1 && rows > first.rows ? (rows - first.rows) / seconds : null;
}

function update(job: Job) {
  const { id } = job;
  const known = entries.get(id);
  if (isOver(job) && !known) {
    remember(job);
    return;
  }
  const entry = known ?? { job, rate: null, first: null };
  entries.set(id, entry);
  const now = performance.now();
  if (job.state === "running") entry.first ??= { at: now, rows: job.rows };
  entry.job = job;
  entry.rate = entry.first ? rateOf(entry.first, now, job.rows) : null;
  queryClient.setQueryData<{ items: Job[]; next?: string | null }>(
    jobsOf(job.model_id).queryKey,
    (old) => old && { ...old, items: old.items.map((item) => (item.id === id ? job : item)) },
  );
  if (isOver(job)) {
    lastEnded = job;
    remember(job);
    end(id);
  } else {
    publish();
    watch();
  }
}

function remember(job: Job) {
  endedJobs.set(job.id, job);
  for (const id of endedJobs.keys()) if (endedJobs.size > MAX_ENDED) endedJobs.delete(id);
}

function end(id: string) {
  entries.delete(id);
  publish();
  watch();
  void refresh(
    "/api/v1/models",
    "/api/v1/models/{id}",
    "/api/v1/models/{id}/tables",
    "/api/v1/models/{id}/jobs",
    "/api/v1/jobs",
    "/api/v1/tables/{id}",
    "/api/v1/tables/{id}/versions",
    "/api/v1/tables/{id}/schedule",
    "/api/v1/notices",
  );
  // What is held is another thing after each sync, under the same name.
  void queryClient.resetQueries({
    predicate: ({ queryKey }) => JSON.stringify(queryKey).includes("held"),
  });
}

/** A Model's latest jobs, newest first. */
export const jobsOf = (modelId: string) =>
  $api.queryOptions(
    "get",
    "/api/v1/models/{id}/jobs",
    {
      params: { path: { id: modelId }, query: { limit: 20 } },
      // Others start jobs too; what they bring is seen without a reload.
    },
    { refetchInterval: 10_000 },
  );

function subscribe(listener: () => void) {
  listeners.add(listener);
  return () => listeners.delete(listener);
}

export const useFollowed = () => useSyncExternalStore(subscribe, () => snapshot);

/** A job as this tab knows it last: an answer that is older than its end does not bring it back to life. */
export const useLatest = (job: Job): Job =>
  useSyncExternalStore(subscribe, () =>
    isOver(job) ? job : (endedJobs.get(job.id) ?? entries.get(job.id)?.job ?? job),
  );

/** The job that ended last while this tab was watching. */
export const useLastEnded = () => useSyncExternalStore(subscribe, () => lastEnded);
