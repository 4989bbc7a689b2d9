import { Button, NativeSelect } from "@mantine/core";
import { useInfiniteQuery } from "@tanstack/react-query";
import { useSearchParams } from "wouter";
import { $api, answer, api, type Job } from "../api/client";
import { Async, Empty } from "../ui/Async";
import { spelled } from "../ui/invisible";
import { PageHeader } from "../ui/PageHeader";
import { CancelAll, JobList } from "./JobList";

const STATES: { id: string; label: string; states: Job["state"][] }[] = [
  { id: "", label: "All", states: [] },
  { id: "running", label: "Running", states: ["queued", "running"] },
  { id: "failed", label: "Failed", states: ["failed"] },
  { id: "succeeded", label: "Done", states: ["succeeded"] },
  { id: "held", label: "Held", states: ["held"] },
  { id: "cancelled", label: "Cancelled", states: ["cancelled"] },
];

const PAGE = 50;
/** Others start jobs too, ms. */
const REFETCH_INTERVAL = 10_000;

/** What runs and what has run, in all Models. */
export default function Jobs() {
  const [search, setSearch] = useSearchParams();
  const models = $api.useQuery("get", "/api/v1/models", { params: { query: { limit: 1000 } } });
  const chosen = STATES.find(({ id }) => id === (search.get("state") ?? "")) ?? STATES[0];
  const model = search.get("model") ?? "";
  const states = chosen?.states ?? [];
  const set = (name: string, value: string) =>
    setSearch((old) => {
      const next = new URLSearchParams(old);
      if (value === "") next.delete(name);
      else next.set(name, value);
      return next;
    });
  const jobs = useInfiniteQuery({
    queryKey: ["get", "/api/v1/jobs", states, model],
    queryFn: ({ pageParam }: { pageParam: string | undefined }) =>
      answer(
        api.GET("/api/v1/jobs", {
          params: { query: { state: states, model_id: model || undefined, limit: PAGE, after: pageParam } },
        }),
      ),
    initialPageParam: undefined as string | undefined,
    getNextPageParam: (last) => last.next ?? undefined,
    refetchInterval: REFETCH_INTERVAL,
  });
  const filtered = states.length > 0 || model !== "";
  return (
    <div className="page">
      <PageHeader title="Jobs" />
      <div className="row" style={{ marginBottom: 16 }}>
        <div className="switch" role="group" aria-label="State">
          {STATES.map(({ id, label }) => (
            <button key={id} type="button" aria-pressed={id === chosen?.id} onClick={() => set("state", id)}>
              {label}
            </button>
          ))}
        </div>
        <NativeSelect
          aria-label="Model"
          data={[
            { value: "", label: "All Models" },
            ...(models.data?.items ?? []).map(({ id, name }) => ({ value: id, label: spelled(name) })),
          ]}
          value={model}
          onChange={(event) => set("model", event.currentTarget.value)}
        />
        <CancelAll jobs={jobs.data?.pages.flatMap(({ items }) => items) ?? []} />
      </div>
      <Async
        query={jobs}
        empty={({ pages }) =>
          pages.every(({ items }) => items.length === 0) ? (
            filtered ? (
              <Empty
                title="No such job"
                action={
                  <Button variant="default" onClick={() => setSearch({})}>
                    Clear filters
                  </Button>
                }
              />
            ) : (
              <Empty title="No job yet">
                <p>
                  Imports and syncs of all your Models are listed here, from the moment they are asked for.
                </p>
              </Empty>
            )
          ) : undefined
        }
      >
        {({ pages }) => (
          <div className="stack">
            <JobList models={models.data?.items ?? []} jobs={pages.flatMap(({ items }) => items)} named />
            {jobs.hasNextPage && (
              <Button
                variant="default"
                style={{ alignSelf: "center" }}
                loading={jobs.isFetchingNextPage}
                onClick={() => void jobs.fetchNextPage()}
              >
                Show older jobs
              </Button>
            )}
          </div>
        )}
      </Async>
    </div>
  );
}
