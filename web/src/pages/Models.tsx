import { Button, TextInput } from "@mantine/core";
import { Plus, Search } from "lucide-react";
import { type ReactNode, useState } from "react";
import { Link, useLocation } from "wouter";
import { $api, answer, api, type Connection, type Model, refresh } from "../api/client";
import { to } from "../routes";
import { Async, Empty } from "../ui/Async";
import { Dialog } from "../ui/Dialog";
import { plural } from "../ui/format";
import { NameForm } from "../ui/NameForm";
import { PageHeader } from "../ui/PageHeader";
import { TimeAgo } from "../ui/TimeAgo";
import { Name, visible } from "../ui/Visible";
import { usePasteToConnect } from "./pasted";
import { SampleButton } from "./SampleButton";

export default function Models() {
  const models = $api.useQuery("get", "/api/v1/models", { params: { query: { limit: 1000 } } });
  const [creating, setCreating] = useState(false);
  const [text, setText] = useState("");
  const some = (models.data?.items.length ?? 0) > 0;
  const wanted = text.trim().toLowerCase();
  return (
    <div className="page">
      <PageHeader title="Models">
        {some && (
          <Button leftSection={<Plus size={16} />} onClick={() => setCreating(true)}>
            New Model
          </Button>
        )}
      </PageHeader>
      <Async
        query={models}
        empty={({ items }) => (items.length === 0 ? <Tour onCreate={() => setCreating(true)} /> : undefined)}
      >
        {({ items }) => {
          const found = items.filter((model) => model.name.toLowerCase().includes(wanted));
          return (
            <div className="stack">
              <TextInput
                data-search
                className="form"
                aria-label="Search Models"
                placeholder="Search Models"
                leftSection={<Search size={16} />}
                value={text}
                onChange={(event) => setText(event.currentTarget.value)}
              />
              {found.length > 0 ? (
                <ModelList models={found} />
              ) : (
                <Empty
                  title="No Model is called that"
                  action={
                    <Button variant="default" onClick={() => setText("")}>
                      Clear search
                    </Button>
                  }
                />
              )}
            </div>
          );
        }}
      </Async>
      <ShownTables />
      <NewModel opened={creating} onClose={() => setCreating(false)} />
    </div>
  );
}

/** Tables that others show one alone, without their Models. */
function ShownTables() {
  const tables = $api.useQuery("get", "/api/v1/tables", { params: { query: { limit: 1000 } } });
  const items = tables.data?.items ?? [];
  if (items.length === 0) return null;
  return (
    <section className="section" aria-labelledby="shown">
      <h2 id="shown">Tables shown to you</h2>
      <div className="cards">
        {items.map((table) => (
          <Link key={table.id} className="choice" to={to.table(table.id)}>
            <h3>{visible(table.name)}</h3>
            <p className="small">{plural(table.rows, "row")}</p>
          </Link>
        ))}
      </div>
    </section>
  );
}

function ModelList({ models }: { models: Model[] }) {
  return (
    <div className="cards">
      {models.map((model) => (
        <Link key={model.id} className="choice" to={to.model(model.id)}>
          <h2>{visible(model.name)}</h2>
          <p className="small">
            {plural(model.tables, "table")} ·{" "}
            {model.access === "owner" ? (
              "yours"
            ) : (
              <>
                of <Name text={model.owner.name} />
              </>
            )}{" "}
            · made <TimeAgo at={model.created_at} />
          </p>
        </Link>
      ))}
    </div>
  );
}

/** What to do on the first day. Each step is ticked once it is done. */
function Tour({ onCreate }: { onCreate: () => void }) {
  const connections = $api.useQuery("get", "/api/v1/connections", {});
  const connected = (connections.data?.items.length ?? 0) > 0;
  const [, navigate] = useLocation();
  usePasteToConnect();
  const importFrom = async ({ id, name }: Connection) => {
    const model = await answer(api.POST("/api/v1/models", { body: { name } }));
    await refresh("/api/v1/models");
    navigate(to.model(model.id, "import", { connection: id }));
  };
  return (
    <div>
      <p className="text">
        A Model holds tables that were imported from your databases, with every version they ever had. Three
        steps lead to the first one.
      </p>
      <ol className="tour">
        <TourStep number={1} title="Connect a database" done={connected}>
          <p>
            Give Mycorr a role that can only read. What it sends is SELECT and nothing else. A connection
            string can be pasted right here.
          </p>
          {connected ? (
            <Link className="link" to={to.connections}>
              See your connections
            </Link>
          ) : (
            <div className="row">
              <Button autoFocus component={Link} to={to.newConnection()}>
                New connection
              </Button>
              <SampleButton onConnected={importFrom} />
            </div>
          )}
        </TourStep>
        <TourStep number={2} title="Make a Model and import a table">
          <p>Browse schemas and tables, look at the first rows, import what you need.</p>
          <Button variant={connected ? "filled" : "default"} onClick={onCreate}>
            New Model
          </Button>
        </TourStep>
        <TourStep number={3} title="Look, sync, go back">
          <p>Scroll, sort and filter any number of rows. Sync brings the newest; old versions stay.</p>
        </TourStep>
      </ol>
    </div>
  );
}

function TourStep(props: { number: number; title: string; done?: boolean; children: ReactNode }) {
  return (
    <li className="card">
      <div className={props.done ? "tour-mark done" : "tour-mark"} aria-hidden>
        {props.done ? "✓" : props.number}
      </div>
      <h2>
        {props.title}
        {props.done && <span className="visually-hidden"> (done)</span>}
      </h2>
      {props.children}
    </li>
  );
}

function NewModel({ opened, onClose }: { opened: boolean; onClose: () => void }) {
  const [, navigate] = useLocation();
  return (
    <Dialog opened={opened} onClose={onClose} title="New Model">
      <NameForm
        name=""
        description="What the tables in it are about, e.g. “Shop”."
        action="Create Model"
        onClose={onClose}
        save={async (name) => {
          const model = await answer(api.POST("/api/v1/models", { body: { name } }));
          await refresh("/api/v1/models");
          navigate(to.model(model.id, "import"));
        }}
      />
    </Dialog>
  );
}
