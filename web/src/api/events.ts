// Jobs that this tab follows: one event stream per running job, feeding the query cache and whoever shows progress.
import { useSyncExternalStore } from "react";
import { $api, answer, api, type Job, queryClient, refresh, toProblem } from "./client";

export interface Followed {
  job: Job;
  /** Rows per second since this tab has been watching; null until that says something. */
  rate: number | null;
}

/** A browser opens six connections to one host: streams may not take them all. */
const STREAMS = 3;

interface Entry extends Followed {
  first: { at: number; rows: number } | null;
  stream: EventSource | null;
}

const entries = new Map<string, Entry>();
const listeners = new Set<() => void>();
let snapshot: readonly Followed[] = [];
let lastEnded: Job | null = null;

export const isOver = (job: Job) => job.state !== "queued" && job.state !== "running";

function publish() {
  snapshot = [...entries.values()].map(({ job, rate }) => ({ job, rate }));
  for (const listener of listeners) listener();
}

/** Starts to follow a job; does nothing for one that is over or already followed. */
export function follow(job: Job) {
  if (isOver(job) || entries.has(job.id)) return;
  entries.set(job.id, { job, rate: null, first: null, stream: null });
  remember();
  openStreams();
  publish();
}

export function unfollowAll() {
  for (const entry of entries.values()) entry.stream?.close();
  entries.clear();
  remember();
  publish();
}

function openStreams() {
  let free = STREAMS - [...entries.values()].filter((entry) => entry.stream).length;
  for (const entry of entries.values()) {
    if (free <= 0) return;
    if (entry.stream) continue;
    free -= 1;
    const { id } = entry.job;
    const stream = new EventSource(`/api/v1/jobs/${encodeURIComponent(id)}/events`);
    entry.stream = stream;
    stream.addEventListener("job", (event) => update(id, JSON.parse(event.data) as Job));
    stream.onerror = () => {
      // It reconnects by itself unless the server said no: then ask once in the plain way, a little later.
      if (stream.readyState !== EventSource.CLOSED) return;
      setTimeout(() => ask(id), 2_000);
    };
  }
}

/** The jobs that are followed, so that they are found again after a reload, or in another tab. */
const FOLLOWED = "mycorr.jobs";

function remember() {
  localStorage.setItem(FOLLOWED, JSON.stringify([...entries.keys()]));
}

/** Follows on what an earlier page in this browser has followed. */
export async function followOn() {
  const ids = JSON.parse(localStorage.getItem(FOLLOWED) ?? "[]") as string[];
  for (const id of ids) {
    if (entries.has(id)) continue;
    const { data } = await api
      .GET("/api/v1/jobs/{id}", { params: { path: { id } } })
      .catch(() => ({ data: null }));
    if (data) follow(data);
  }
  remember();
}

async function ask(id: string) {
  const entry = entries.get(id);
  if (!entry) return;
  try {
    const job = await answer(api.GET("/api/v1/jobs/{id}", { params: { path: { id } } }));
    update(id, job);
    if (!isOver(job)) {
      entry.stream = null;
      openStreams();
    }
  } catch (problem) {
    // A server that is away, or a session that ended, comes back; a job that is gone does not.
    const { status } = toProblem(problem);
    if (status === 404 || status === 403) end(id);
    else setTimeout(() => ask(id), 3_000);
  }
}

/** The mean rate since the first row seen; the first second says too little. */
export function rateOf(first: { at: number; rows: number }, at: number, rows: number): number | null {
  const seconds = (at - first.at) / 1000;
  return seconds >= 1 && rows > first.rows ? (rows - first.rows) / seconds : null;
}

function update(id: string, job: Job) {
  const entry = entries.get(id);
  if (!entry) return;
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
    end(id);
  } else {
    publish();
  }
}

function end(id: string) {
  entries.get(id)?.stream?.close();
  entries.delete(id);
  remember();
  openStreams();
  publish();
  void refresh(
    "/api/v1/models",
    "/api/v1/models/{id}",
    "/api/v1/models/{id}/tables",
    "/api/v1/models/{id}/jobs",
    "/api/v1/tables/{id}",
    "/api/v1/tables/{id}/versions",
  );
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

/** The job that ended last while this tab was watching. */
export const useLastEnded = () => useSyncExternalStore(subscribe, () => lastEnded);
