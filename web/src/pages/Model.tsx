import { Button } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { Users } from "lucide-react";
import { lazy, Suspense, useEffect, useRef } from "react";
import { Link, useSearchParams } from "wouter";
import { $api, refresh } from "../api/client";
import { follow, isOver, jobsOf } from "../api/events";
import { code } from "../api/lost";
import { tablesOf } from "../api/tables";
import { type ModelTab, to } from "../routes";
import { Async, Waiting } from "../ui/Async";
import { spelled } from "../ui/invisible";
import { visible } from "../ui/Visible";
import { ModelMenu } from "./ModelMenu";

const ModelData = lazy(() => code(() => import("./ModelData")));
const ModelDiagram = lazy(() => code(() => import("./ModelDiagram")));
const ModelImport = lazy(() => code(() => import("./ModelImport")));
const ModelHistory = lazy(() => code(() => import("./ModelHistory")));
const ModelActivity = lazy(() => code(() => import("./ModelActivity")));
const ShareDialog = lazy(() => code(() => import("./ShareDialog")));

const TABS: { id: ModelTab; label: string }[] = [
  { id: "data", label: "Data" },
  { id: "diagram", label: "Diagram" },
  { id: "import", label: "Import" },
  { id: "history", label: "History" },
  { id: "activity", label: "Activity" },
];

const TITLES = {
  diagram: "Diagram of",
  import: "Import into",
  activity: "Activity in",
};

export default function Model({ id, tab }: { id: string; tab: ModelTab }) {
  const model = $api.useQuery("get", "/api/v1/models/{id}", { params: { path: { id } } });
  const jobs = useQuery(jobsOf(id));
  const [search, setSearch] = useSearchParams();
  const table = search.get("table");
  // The Model, or one table of it: what it is stands in the address, so that it can be linked to.
  const shared = search.get("share");
  const setShared = (what: string | null) =>
    setSearch(
      (now) => {
        if (what === null) now.delete("share");
        else now.set("share", what);
        return now;
      },
      { replace: true },
    );
  const tables = useQuery({ ...tablesOf(id), enabled: shared !== null });
  useEffect(() => {
    for (const job of jobs.data?.items ?? []) follow(job);
  }, [jobs.data]);
  // What others imported or synced is seen here too.
  const over = jobs.data?.items
    .filter(isOver)
    .map((job) => job.id)
    .join();
  const known = useRef(over);
  useEffect(() => {
    if (known.current !== undefined && known.current !== over) void refresh("/api/v1/models/{id}/tables");
    known.current = over;
  }, [over]);
  return (
    <Async query={model} inset title="Model">
      {(data) => (
        <div className="model">
          {tab !== "data" && tab !== "history" && (
            <title>{`${TITLES[tab]} ${spelled(data.name)} · Mycorr`}</title>
          )}
          <div className="model-head">
            <div style={{ minWidth: 0 }}>
              <div className="crumbs">
                <Link className="link" to={to.models}>
                  Models
                </Link>
              </div>
              <h1>{visible(data.name)}</h1>
            </div>
            <div className="row" style={{ flexWrap: "nowrap" }}>
              <Button
                variant="default"
                size="xs"
                leftSection={<Users size={16} />}
                onClick={() => setShared("1")}
              >
                Share
              </Button>
              <ModelMenu model={data} />
            </div>
          </div>
          <nav className="tabs" aria-label="Model">
            {TABS.map((one) => (
              <Link
                key={one.id}
                to={to.model(id, one.id, table ? { table } : {})}
                aria-current={one.id === tab ? "page" : undefined}
              >
                {one.label}
              </Link>
            ))}
          </nav>
          {/* Here and not around all of it, so that the tabs keep the focus while a part's code comes. */}
          {shared !== null && (
            <Suspense>
              <ShareDialog
                model={data}
                table={tables.data?.find((one) => one.id === shared)}
                onClose={() => setShared(null)}
              />
            </Suspense>
          )}
          <Suspense fallback={<Waiting />}>
            {tab === "data" && <ModelData model={data} />}
            {tab === "diagram" && <ModelDiagram model={data} />}
            {tab === "import" && <ModelImport model={data} />}
            {tab === "history" && <ModelHistory model={data} />}
            {tab === "activity" && <ModelActivity model={data} />}
          </Suspense>
        </div>
      )}
    </Async>
  );
}
