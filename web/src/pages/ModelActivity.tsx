import { api, type Model } from "../api/client";
import { useListed } from "../api/listed";
import { EventList } from "./EventList";

/** Who did what in a Model. */
export default function ModelActivity({ model }: { model: Model }) {
  const path = { id: model.id };
  const events = useListed(["get", "/api/v1/models/{id}/activity", model.id], (after) =>
    api.GET("/api/v1/models/{id}/activity", { params: { path, query: { limit: 100, after } } }),
  );
  return (
    <div className="page">
      <p className="dim text" style={{ marginTop: 0 }}>
        Who imported, synced, restored, shared and deleted here, newest first. Everybody who may see the Model
        may see this.
      </p>
      <EventList query={events} label="Activity" empty="Nothing was done here yet" />
    </div>
  );
}
