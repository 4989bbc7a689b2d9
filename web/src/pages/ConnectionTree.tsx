import { ActionIcon, TextInput, Tooltip } from "@mantine/core";
import { useDebouncedValue } from "@mantine/hooks";
import { keepPreviousData, useQueries, useQuery } from "@tanstack/react-query";
import { RefreshCw, Search } from "lucide-react";
import { useRef, useState } from "react";
import {
  $api,
  AT_SOURCE,
  allPages,
  api,
  queryClient,
  refreshSources,
  type SourceTable,
  somePages,
  type Table,
  toProblem,
} from "../api/client";
import { Async } from "../ui/Async";
import { count } from "../ui/format";
import { sourceKey } from "./imported";
import { type Chosen, type Node, NodeList } from "./TreeList";

interface Props {
  connectionId: string;
  chosen: Chosen | null;
  /** What is in the Model already, by the key of its source. */
  imported: ReadonlyMap<string, Table>;
  onChoose: (table: Chosen) => void;
  /** Those that are marked to be imported together, by the key of their source. */
  marked: ReadonlyMap<string, SourceTable>;
  onMark: (tables: SourceTable[], mark: boolean) => void;
}

/** All tables of a schema that the role sees. */
const tablesOfSchema = (connectionId: string, schema: string) => ({
  // Names travel as data: in a path, a browser makes another address of "..".
  queryKey: ["get", "/api/v1/connections/{id}/source-tables", connectionId, schema],
  queryFn: () =>
    allPages((after) =>
      api.GET("/api/v1/connections/{id}/source-tables", {
        params: { path: { id: connectionId }, query: { schema, limit: 1000, after } },
      }),
    ),
  ...AT_SOURCE,
});

/** The schemas of a connection and their tables; one filter over all of them. */
export function ConnectionTree(props: Props) {
  const schemas = useQuery({
    queryKey: ["get", "/api/v1/connections/{id}/schemas", props.connectionId],
    queryFn: () =>
      somePages(MAX_SCHEMAS, (after) =>
        api.GET("/api/v1/connections/{id}/schemas", {
          params: { path: { id: props.connectionId }, query: { limit: 1000, after } },
        }),
      ),
    ...AT_SOURCE,
  });
  return (
    <Async
      query={schemas}
      empty={({ items }) =>
        items.length === 0 ? (
          <p className="dim">The role sees no schema. It needs USAGE on those that are to be read.</p>
        ) : undefined
      }
    >
      {({ items, more }) => <Tree {...props} schemas={items} more={more} />}
    </Async>
  );
}

/** So many tables are shown of those that a filter finds. */
const MOST_FOUND = 1000;

/** So many schemas open by themselves: each is a statement at the source. */
const MAX_OPENED = 4;

/** So many schemas are shown; the filter looks through all of them. */
const MAX_SCHEMAS = 5000;

function bySchema(tables: SourceTable[]): Map<string, SourceTable[]> {
  const schemas = new Map<string, SourceTable[]>();
  for (const table of tables) {
    const list = schemas.get(table.schema);
    if (list) list.push(table);
    else schemas.set(table.schema, [table]);
  }
  return schemas;
}

function Tree({
  connectionId,
  chosen,
  imported,
  onChoose,
  marked,
  onMark,
  schemas,
  more,
}: Props & { schemas: { name: string; tables: number }[]; more: boolean }) {
  const [text, setText] = useState("");
  const [open, setOpen] = useState(() => {
    const first = schemas.length === 1 ? schemas[0]?.name : "public";
    return new Set([chosen?.schema ?? first]);
  });
  const wanted = text.trim().toLowerCase();
  const [typed] = useDebouncedValue(wanted, 200);
  // One statement looks through all schemas.
  const search = $api.useQuery(
    "get",
    "/api/v1/connections/{id}/source-tables",
    { params: { path: { id: connectionId }, query: { search: typed, limit: MOST_FOUND } } },
    { ...AT_SOURCE, enabled: typed !== "" && wanted !== "", placeholderData: keepPreviousData },
  );
  const asked = schemas.filter(({ name, tables }) => tables > 0 && wanted === "" && open.has(name));
  const lists = useQueries({
    queries: asked.map(({ name }) => tablesOfSchema(connectionId, name)),
  });
  // Until somebody opens or closes one: where the role reads nothing of what is open, the next schema opens too.
  const [untouched, setUntouched] = useState(chosen === null);
  const known = lists.flatMap(({ data }) => data ?? []);
  if (untouched && wanted === "" && lists.every(({ data }) => data)) {
    const next = schemas.find(({ name, tables }) => tables > 0 && !open.has(name));
    if (!next || open.size >= MAX_OPENED || known.some(({ readable }) => readable)) setUntouched(false);
    else setOpen(new Set([...open, next.name]));
  }

  const nodes: Node[] = [];
  const found = wanted === "" ? undefined : search.data;
  // What the search before found is shown while the next one runs, as far as it fits.
  const fits = (found?.items ?? []).filter(({ schema, name }) =>
    `${schema}.${name}`.toLowerCase().includes(wanted),
  );
  const looking = search.isFetching || typed !== wanted;
  if (wanted !== "" && fits.length === 0 && (looking || search.isError)) {
    const note = { kind: "note" as const, id: "n search", schema: "" };
    if (search.isError && !looking) {
      const text = `${toProblem(search.error).title}. Try again`;
      nodes.push({ ...note, text, retry: () => void search.refetch() });
    } else nodes.push({ ...note, text: "Looking through all schemas…" });
  }
  for (const [schema, tables] of bySchema(fits)) {
    nodes.push({ kind: "schema", id: `s ${schema}`, schema, tables: tables.length, open: true });
    for (const table of tables) nodes.push({ kind: "table", id: `t ${schema} ${table.name}`, schema, table });
  }
  if (found?.next && !looking) {
    const text = `Only the first ${count(MOST_FOUND)} are shown. Type more of the name.`;
    nodes.push({ kind: "note", id: "n more", schema: "", text });
  }
  for (const { name: schema, tables } of wanted === "" ? schemas : []) {
    const list = lists[asked.findIndex((one) => one.name === schema)];
    const found = list?.data ?? [];
    const waiting = list?.isPending ?? false;
    const isOpen = open.has(schema);
    const id = `s ${schema}`;
    nodes.push({ kind: "schema", id, schema, tables: list?.data?.length ?? tables, open: isOpen });
    if (!isOpen) continue;
    if (list?.isError) {
      const text = `${toProblem(list.error).title}. Try again`;
      nodes.push({ kind: "note", id: `n ${schema}`, schema, text, retry: () => void list.refetch() });
    } else if (waiting) {
      nodes.push({ kind: "note", id: `n ${schema}`, schema, text: "Loading…" });
    } else if (found.length === 0) {
      nodes.push({ kind: "note", id: `n ${schema}`, schema, text: "No tables that the role can see" });
    }
    for (const table of found) nodes.push({ kind: "table", id: `t ${schema} ${table.name}`, schema, table });
  }
  if (more && wanted === "") {
    const text = `Only the first ${count(MAX_SCHEMAS)} schemas are shown. The filter looks through all.`;
    nodes.push({ kind: "note", id: "m schemas", schema: "", text });
  }

  const act = (node: Node) => {
    if (node.kind === "schema") {
      if (wanted !== "") return;
      setUntouched(false);
      setOpen((old) => {
        const next = new Set(old);
        if (!next.delete(node.schema)) next.add(node.schema);
        return next;
      });
    } else if (node.kind === "table") {
      onChoose({ schema: node.schema, table: node.table.name });
    } else {
      node.retry?.();
    }
  };
  // Of a schema those that are listed: where a filter is set, those that it finds.
  const listed = (schema: string) =>
    wanted === ""
      ? (lists[asked.findIndex((one) => one.name === schema)]?.data ??
        queryClient.getQueryData<SourceTable[]>(tablesOfSchema(connectionId, schema).queryKey))
      : fits.filter((table) => table.schema === schema);
  const isMarked = (table: SourceTable) => marked.has(sourceKey(table.schema, table.name));
  const markOf = (node: Node): boolean | "mixed" | undefined => {
    if (node.kind === "note") return undefined;
    if (node.kind === "table") return node.table.readable ? isMarked(node.table) : undefined;
    const readable = listed(node.schema)?.filter((table) => table.readable) ?? [];
    const some = readable.filter(isMarked).length;
    return some > 0 && (some === readable.length || "mixed");
  };
  const mark = async (node: Node) => {
    if (node.kind === "note") return;
    const on = markOf(node) !== true;
    if (node.kind === "table") return node.table.readable && onMark([node.table], on);
    const tables =
      listed(node.schema) ??
      (await queryClient.fetchQuery(tablesOfSchema(connectionId, node.schema)).catch(() => []));
    onMark(
      tables.filter((table) => table.readable),
      on,
    );
  };
  const tree = useRef<HTMLDivElement>(null);
  return (
    <>
      <div className="row" style={{ flexWrap: "nowrap" }}>
        <TextInput
          data-search
          style={{ flex: 1 }}
          aria-label="Filter schemas and tables"
          placeholder="Filter schemas and tables"
          leftSection={<Search size={16} />}
          value={text}
          onChange={(event) => setText(event.currentTarget.value)}
          onKeyDown={(event) => {
            if (event.key === "ArrowDown") {
              event.preventDefault();
              tree.current?.focus();
            } else if (event.key === "Enter") {
              const first = nodes.find((node) => node.kind === "table");
              if (first) act(first);
            }
          }}
        />
        <Tooltip label="Look at the database again">
          <ActionIcon
            variant="default"
            size={36}
            aria-label="Look at the database again"
            loading={lists.some((list) => list.isRefetching) || (wanted !== "" && search.isFetching)}
            onClick={() => void refreshSources()}
          >
            <RefreshCw size={16} />
          </ActionIcon>
        </Tooltip>
      </div>
      {nodes.length === 0 ? (
        <p className="dim">
          No schema or table is called that.{" "}
          <button type="button" className="plain-link" onClick={() => setText("")}>
            Clear filter
          </button>
        </p>
      ) : (
        <NodeList
          ref={tree}
          nodes={nodes}
          wanted={wanted}
          chosen={chosen}
          imported={imported}
          markOf={markOf}
          onMark={(node) => void mark(node)}
          onAct={act}
        />
      )}
    </>
  );
}
