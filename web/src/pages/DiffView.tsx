// Two versions of a table: which they are, and what differs between them.
import { Button, NativeSelect } from "@mantine/core";
import { Download } from "lucide-react";
import { Link, useLocation } from "wouter";
import { $api, type Model, type Table, type Version } from "../api/client";
import { to } from "../routes";
import { Async } from "../ui/Async";
import { count } from "../ui/format";
import { DiffGrid } from "./DiffGrid";

type Name = number | "held";
export const parseName = (text: string | null): Name | null =>
  text === "held" ? "held" : text && /^[1-9]\d*$/.test(text) ? Number(text) : null;

interface Props {
  model: Model;
  table: Table;
  versions: Version[];
  from: Name;
  to: Name;
}

export function DiffView({ model, table, versions, from, to: until }: Props) {
  const [, navigate] = useLocation();
  const pick = (from: string, until: string) =>
    navigate(to.model(model.id, "history", { table: table.id, from, to: until }));
  const query = { from, to: until };
  const diff = $api.useQuery("get", "/api/v1/tables/{id}/diff", {
    params: { path: { id: table.id }, query },
  });
  const options = [
    ...(table.held_job_id ? [{ value: "held", label: "Held sync" }] : []),
    ...versions.map(({ version }) => ({ value: String(version), label: `Version ${count(version)}` })),
  ];
  return (
    <div className="stack" style={{ marginTop: 16 }}>
      <div className="row spread" style={{ alignItems: "flex-end" }}>
        <div className="row" style={{ alignItems: "flex-end" }}>
          <NativeSelect
            label="From"
            data={options.filter(({ value }) => value !== "held")}
            value={String(from)}
            onChange={(event) => pick(event.currentTarget.value, String(until))}
          />
          <NativeSelect
            label="To"
            data={options}
            value={String(until)}
            onChange={(event) => pick(String(from), event.currentTarget.value)}
          />
        </div>
        <div className="row">
          <Button
            variant="default"
            size="xs"
            leftSection={<Download size={14} />}
            component="a"
            href={`/api/v1/tables/${table.id}/diff?from=${from}&to=${until}&format=csv`}
          >
            Download as CSV
          </Button>
          <Button
            variant="default"
            size="xs"
            component={Link}
            to={to.model(model.id, "history", { table: table.id })}
          >
            Back to the history
          </Button>
        </div>
      </div>
      <Async query={diff}>
        {(data) =>
          // What is typed as a file is one only when it is asked for.
          typeof data === "object" && "columns" in data ? (
            <DiffGrid key={`${from} ${until}`} table={table} diff={data} from={from} until={until} />
          ) : null
        }
      </Async>
    </div>
  );
}
