import { $api, type Model, type Table } from "../api/client";
import { Async } from "../ui/Async";
import { spelled } from "../ui/invisible";
import { TableView } from "./TableView";

/** A table that was shown alone: nothing of its Model is seen but this. */
export default function TableAlone({ id }: { id: string }) {
  const table = $api.useQuery("get", "/api/v1/tables/{id}", { params: { path: { id } } });
  return (
    <Async query={table} inset title="Table">
      {(data) => (
        <div className="model-body">
          <title>{`${spelled(data.name)} · Mycorr`}</title>
          <h1 className="visually-hidden">{spelled(data.name)}</h1>
          <TableView model={modelOf(data)} table={data} jobs={[]} />
        </div>
      )}
    </Async>
  );
}

/** As much of its Model as is known: that one may look. */
const modelOf = (table: Table): Model => ({
  id: table.model_id,
  name: "",
  owner: { id: "", name: "", email: "" },
  access: "viewer",
  tables: 1,
  created_at: "",
});
