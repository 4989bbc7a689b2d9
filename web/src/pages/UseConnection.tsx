import { Button, NativeSelect, TextInput } from "@mantine/core";
import { type FormEvent, useState } from "react";
import { Link } from "wouter";
import {
  $api,
  answer,
  api,
  type Connection,
  type Problem,
  refresh,
  type Table,
  toProblem,
} from "../api/client";
import { FilterBar } from "../grid/Filters";
import { type Filter, formatFilter, parseFilter } from "../grid/view";
import { to } from "../routes";
import { Async } from "../ui/Async";
import { Dialog } from "../ui/Dialog";
import { Notice, ProblemNotice } from "../ui/Notice";
import { visible } from "../ui/Visible";
import { MaskSelect, type Masks, withMask } from "./Selection";

interface Props {
  table: Table;
  opened: boolean;
  onClose: () => void;
  onSync: () => void;
}

/** Points a table at another connection: what it holds stays, the next sync reads from there. */
export function UseConnection(props: Props) {
  return (
    <Dialog
      opened={props.opened}
      onClose={props.onClose}
      title={`Use another connection for ${props.table.name}`}
    >
      <Body {...props} />
    </Dialog>
  );
}

function Body(props: Props) {
  const connections = $api.useQuery("get", "/api/v1/connections", { params: { query: { limit: 1000 } } });
  return (
    <Async
      query={connections}
      empty={({ items }) =>
        items.length === 0 ? (
          <>
            <p style={{ marginTop: 0 }}>You have no connection that it could come through. Make one first.</p>
            <div className="dialog-actions">
              <Button variant="default" onClick={props.onClose}>
                Cancel
              </Button>
              <Button component={Link} to={to.newConnection()}>
                New connection
              </Button>
            </div>
          </>
        ) : undefined
      }
    >
      {({ items }) => <Form {...props} connections={items} />}
    </Async>
  );
}

function Form({ table, onClose, onSync, connections }: Props & { connections: Connection[] }) {
  const { source } = table;
  const [id, setId] = useState(
    () => (connections.find((one) => one.id !== source?.connection_id) ?? connections[0])?.id ?? "",
  );
  const [schema, setSchema] = useState(source?.schema ?? "public");
  const [name, setName] = useState(source?.table ?? table.name);
  const [filters, setFilters] = useState<Filter[]>(
    () => source?.filter.flatMap((text) => parseFilter(text) ?? []) ?? [],
  );
  const [filtering, setFiltering] = useState<string | null>(null);
  const [masks, setMasks] = useState<Masks>(source?.masks ?? {});
  const [busy, setBusy] = useState(false);
  const [done, setDone] = useState(false);
  const [problem, setProblem] = useState<Problem | null>(null);
  const told = (field: string) => problem?.fields?.find((one) => one.field === field)?.message;
  const chosen = connections.find((one) => one.id === id);

  const submit = async (event: FormEvent) => {
    event.preventDefault();
    setBusy(true);
    setProblem(null);
    try {
      await answer(
        api.PUT("/api/v1/tables/{id}/source", {
          params: { path: { id: table.id } },
          body: {
            connection_id: id,
            schema: schema.trim(),
            table: name.trim(),
            filter: filters.map(formatFilter),
            masks: { ...masks },
          },
        }),
      );
      setDone(true);
      await refresh(
        "/api/v1/models/{id}/tables",
        "/api/v1/tables/{id}",
        "/api/v1/connections",
        "/api/v1/connections/{id}",
        "/api/v1/connections/{id}/tables",
      );
    } catch (error) {
      setProblem(toProblem(error));
    }
    setBusy(false);
  };

  if (done) {
    return (
      <>
        <Notice tone="success" title={`${table.name} now comes through ${chosen?.name}`}>
          <p>What it holds has not changed. A sync reads it from there.</p>
        </Notice>
        <div className="dialog-actions">
          <Button variant="default" onClick={onClose}>
            Close
          </Button>
          <Button
            data-autofocus
            onClick={() => {
              onClose();
              onSync();
            }}
          >
            Sync now
          </Button>
        </div>
      </>
    );
  }
  return (
    <form className="stack" onSubmit={submit} noValidate>
      <NativeSelect
        data-autofocus
        label="Connection"
        data={connections.map((one) => ({ value: one.id, label: `${one.name} (${one.database})` }))}
        value={id}
        onChange={(event) => setId(event.currentTarget.value)}
        error={told("connection_id")}
      />
      <TextInput
        label="Schema"
        autoComplete="off"
        spellCheck={false}
        value={schema}
        onChange={(event) => setSchema(event.currentTarget.value)}
        error={told("schema")}
      />
      <TextInput
        label="Table"
        autoComplete="off"
        spellCheck={false}
        value={name}
        onChange={(event) => setName(event.currentTarget.value)}
        error={told("table")}
      />
      <FilterBar
        columns={table.columns}
        filters={filters}
        onChange={setFilters}
        opened={filtering}
        onOpen={setFiltering}
        values={() => null}
      />
      {Object.keys(source?.masks ?? {}).map((column) => (
        <div className="row spread" key={column}>
          <span className="dim">What is stored of {visible(column)}</span>
          <MaskSelect
            column={column}
            value={masks[column] ?? null}
            onChange={(mask) => setMasks(withMask(masks, column, mask))}
          />
        </div>
      ))}
      {(told("filter") ?? told("masks")) && <p className="error">{told("filter") ?? told("masks")}</p>}
      {problem && !problem.fields?.length && <ProblemNotice problem={problem} />}
      <div className="dialog-actions" style={{ marginTop: 8 }}>
        <Button variant="default" onClick={onClose}>
          Cancel
        </Button>
        <Button type="submit" loading={busy} disabled={schema.trim() === "" || name.trim() === ""}>
          Use this connection
        </Button>
      </div>
    </form>
  );
}
