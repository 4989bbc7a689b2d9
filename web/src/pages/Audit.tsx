import { Button, NativeSelect, TextInput } from "@mantine/core";
import { useDebouncedValue } from "@mantine/hooks";
import { useSearchParams } from "wouter";
import { api, type Event } from "../api/client";
import { useListed } from "../api/listed";
import { PageHeader } from "../ui/PageHeader";
import { AUDITED, actionWords, EventList } from "./EventList";

/** What was done with accounts, connections and grants, for administrators. */
export default function Audit() {
  const [search, setSearch] = useSearchParams();
  const actor = search.get("actor") ?? "";
  const action = search.get("action") ?? "";
  const set = (name: string, value: string) =>
    setSearch(
      (now) => {
        if (value) now.set(name, value);
        else now.delete(name);
        return now;
      },
      { replace: true },
    );
  const [wanted] = useDebouncedValue(actor.trim(), 400);
  const events = useListed<Event>(["get", "/api/v1/audit", wanted, action], (after) =>
    api.GET("/api/v1/audit", {
      params: { query: { limit: 100, after, actor: wanted || undefined, action: action || undefined } },
    }),
  );
  return (
    <>
      <PageHeader title="Audit" />
      <p className="dim text" style={{ marginTop: 0 }}>
        What was done with accounts, connections and grants. Models, teams and connections are told by their
        ids: what they are called is their members’ own.
      </p>
      <div className="stack">
        <div className="row" style={{ alignItems: "flex-end", gap: 16 }}>
          <TextInput
            style={{ flex: "1 1 240px", maxWidth: 480 }}
            label="Who"
            placeholder="An e-mail address"
            autoComplete="off"
            value={actor}
            onChange={(event) => set("actor", event.currentTarget.value)}
          />
          <NativeSelect
            label="What"
            data={[
              { value: "", label: "everything" },
              ...AUDITED.map((one) => ({ value: one, label: actionWords(one) })),
            ]}
            value={action}
            onChange={(event) => set("action", event.currentTarget.value)}
          />
          {(actor || action) && (
            <Button variant="default" onClick={() => setSearch({}, { replace: true })}>
              Clear filters
            </Button>
          )}
        </div>
        <EventList query={events} label="Audit" empty="Nothing matches" />
      </div>
    </>
  );
}
