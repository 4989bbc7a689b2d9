import { ActionIcon, Menu } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { EllipsisVertical } from "lucide-react";
import { lazy, Suspense, useEffect, useRef, useState } from "react";
import { Link, useLocation, useSearchParams } from "wouter";
import { $api, answer, api, type Model as ModelType, refresh } from "../api/client";
import { follow, isOver, jobsOf } from "../api/events";
import { code } from "../api/lost";
import { type ModelTab, to } from "../routes";
import { Async, Waiting } from "../ui/Async";
import { Confirm } from "../ui/Confirm";
import { Dialog } from "../ui/Dialog";
import { plural } from "../ui/format";
import { spelled } from "../ui/invisible";
import { NameForm } from "../ui/NameForm";
import { visible } from "../ui/Visible";
import { WebhookDialog } from "./WebhookDialog";

const ModelData = lazy(() => code(() => import("./ModelData")));
const ModelImport = lazy(() => code(() => import("./ModelImport")));
const ModelHistory = lazy(() => code(() => import("./ModelHistory")));

const TABS: { id: ModelTab; label: string }[] = [
  { id: "data", label: "Data" },
  { id: "import", label: "Import" },
  { id: "history", label: "History" },
];

export default function Model({ id, tab }: { id: string; tab: ModelTab }) {
  const model = $api.useQuery("get", "/api/v1/models/{id}", { params: { path: { id } } });
  const jobs = useQuery(jobsOf(id));
  const [search] = useSearchParams();
  const table = search.get("table");
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
          {tab !== "data" && (
            <title>{`${tab === "import" ? "Import into" : "History of"} ${spelled(data.name)} · Mycorr`}</title>
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
            {data.access === "owner" && <ModelMenu model={data} />}
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
          <Suspense fallback={<Waiting />}>
            {tab === "data" && <ModelData model={data} />}
            {tab === "import" && <ModelImport model={data} />}
            {tab === "history" && <ModelHistory model={data} />}
          </Suspense>
        </div>
      )}
    </Async>
  );
}

function ModelMenu({ model }: { model: ModelType }) {
  const [dialog, setDialog] = useState<"rename" | "webhook" | "delete" | null>(null);
  const [, navigate] = useLocation();
  const close = () => setDialog(null);
  const params = { path: { id: model.id } };
  return (
    <>
      <Menu position="bottom-end">
        <Menu.Target>
          <ActionIcon variant="subtle" color="gray" size={32} aria-label="Actions on this Model">
            <EllipsisVertical size={18} />
          </ActionIcon>
        </Menu.Target>
        <Menu.Dropdown>
          <Menu.Item onClick={() => setDialog("rename")}>Rename…</Menu.Item>
          <Menu.Item onClick={() => setDialog("webhook")}>Webhook…</Menu.Item>
          <Menu.Item c="var(--danger)" onClick={() => setDialog("delete")}>
            Delete Model…
          </Menu.Item>
        </Menu.Dropdown>
      </Menu>
      <Dialog opened={dialog === "rename"} onClose={close} title="Rename Model">
        <NameForm
          name={model.name}
          action="Rename"
          onClose={close}
          save={async (name) => {
            await answer(api.PATCH("/api/v1/models/{id}", { params, body: { name } }));
            await refresh("/api/v1/models", "/api/v1/models/{id}");
          }}
        />
      </Dialog>
      <WebhookDialog model={model} opened={dialog === "webhook"} onClose={close} />
      <Confirm
        opened={dialog === "delete"}
        onClose={close}
        title="Delete Model"
        action="Delete Model"
        typed={model.name}
        danger
        run={async () => {
          await answer(api.DELETE("/api/v1/models/{id}", { params }));
          navigate(to.models);
          await refresh("/api/v1/models");
        }}
      >
        Its {plural(model.tables, "table")} and all their versions are removed for good. The databases they
        came from are not touched.
      </Confirm>
    </>
  );
}
