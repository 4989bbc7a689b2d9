import { ActionIcon, TextInput, Tooltip } from "@mantine/core";
import { useDebouncedValue } from "@mantine/hooks";
import { keepPreviousData, useQueries, useQuery } from "@tanstack/react-query";
import {
  Check,
  ChevronDown,
  ChevronRight,
  Eye,
  Globe,
  Layers,
  Lock,
  RefreshCw,
  Search,
  SquareSplitVertical,
  Table2,
  TriangleAlert,
} from "lucide-react";
import { type KeyboardEvent, type ReactNode, useId, useLayoutEffect, useMemo, useRef, useState } from "react";
import {
  $api,
  AT_SOURCE,
  allPages,
  api,
  refreshSources,
  type SourceTable,
  somePages,
  type Table,
  toProblem,
} from "../api/client";
import { Async } from "../ui/Async";
import { age, ago, bytes, count, estimate } from "../ui/format";
import { spelled } from "../ui/invisible";
import { visible } from "../ui/Visible";
import { sourceKey } from "./imported";

export interface Chosen {
  schema: string;
  table: string;
}

interface Props {
  connectionId: string;
  chosen: Chosen | null;
  /** What is in the Model already, by the key of its source. */
  imported: ReadonlyMap<string, Table>;
  onChoose: (table: Chosen) => void;
}

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

const KINDS: Record<SourceTable["kind"], { icon: typeof Table2; word: string }> = {
  table: { icon: Table2, word: "table" },
  view: { icon: Eye, word: "view" },
  materialized_view: { icon: Layers, word: "materialized view" },
  foreign_table: { icon: Globe, word: "foreign table" },
  partitioned_table: { icon: SquareSplitVertical, word: "partitioned table" },
};

type Node =
  | { kind: "schema"; id: string; schema: string; tables: number; open: boolean }
  | { kind: "table"; id: string; schema: string; table: SourceTable }
  | { kind: "note"; id: string; schema: string; text: string; retry?: () => void };

const ROW = 32;

/** So many tables are shown of those that a filter finds. */
const MOST_FOUND = 1000;

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
    queries: asked.map(({ name: schema }) => ({
      // Names travel as data: in a path, a browser makes another address of "..".
      queryKey: ["get", "/api/v1/connections/{id}/source-tables", connectionId, schema],
      queryFn: () =>
        allPages((after) =>
          api.GET("/api/v1/connections/{id}/source-tables", {
            params: { path: { id: connectionId }, query: { schema, limit: 1000, after } },
          }),
        ),
      ...AT_SOURCE,
    })),
  });

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
        <NodeList ref={tree} nodes={nodes} wanted={wanted} chosen={chosen} imported={imported} onAct={act} />
      )}
    </>
  );
}

interface ListProps {
  ref: React.RefObject<HTMLDivElement | null>;
  nodes: Node[];
  wanted: string;
  chosen: Chosen | null;
  imported: ReadonlyMap<string, Table>;
  onAct: (node: Node) => void;
}

/** Only the lines in sight are in the page; the focus stays on the tree (ARIA APG, tree view). */
function NodeList({ ref, nodes, wanted, chosen, imported, onAct }: ListProps) {
  const id = useId();
  const [view, setView] = useState({ top: 0, height: 600 });
  const [current, setCurrent] = useState<string | null>(null);
  useLayoutEffect(() => {
    const node = ref.current;
    if (!node) return;
    const observer = new ResizeObserver(() => setView({ top: node.scrollTop, height: node.clientHeight }));
    observer.observe(node);
    return () => observer.disconnect();
  }, [ref]);

  const places = useMemo(() => new Map(nodes.map((node, at) => [node.id, at])), [nodes]);
  const chosenId = chosen && `t ${chosen.schema} ${chosen.table}`;
  const active = places.get(current ?? "") ?? places.get(chosenId ?? "") ?? 0;
  const go = (at: number) => {
    const next = Math.min(Math.max(at, 0), nodes.length - 1);
    setCurrent(nodes[next]?.id ?? null);
    const element = ref.current;
    if (!element) return;
    if (next * ROW < element.scrollTop) element.scrollTop = next * ROW;
    const bottom = (next + 1) * ROW - element.clientHeight;
    if (bottom > element.scrollTop) element.scrollTop = bottom;
  };
  const onKeyDown = (event: KeyboardEvent) => {
    const node = nodes[active];
    if (!node || event.ctrlKey || event.metaKey || event.altKey) return;
    const page = Math.max(1, Math.floor(view.height / ROW) - 1);
    const steps: Record<string, number> = {
      ArrowDown: active + 1,
      ArrowUp: active - 1,
      PageDown: active + page,
      PageUp: active - page,
      Home: 0,
      End: nodes.length - 1,
    };
    const step = steps[event.key];
    if (step !== undefined) go(step);
    else if (event.key === "ArrowRight" && node.kind === "schema") node.open ? go(active + 1) : onAct(node);
    else if (event.key === "ArrowLeft" && node.kind === "schema" && node.open) onAct(node);
    else if (event.key === "ArrowLeft" && node.kind !== "schema") go(places.get(`s ${node.schema}`) ?? 0);
    else if (event.key === "Enter" || event.key === " ") onAct(node);
    else return;
    event.preventDefault();
  };

  const first = Math.max(0, Math.floor(view.top / ROW) - 4);
  const end = Math.min(nodes.length, Math.ceil((view.top + view.height) / ROW) + 4);
  return (
    <div
      ref={ref}
      className="tree"
      role="tree"
      aria-label="Schemas and tables"
      aria-activedescendant={active >= first && active < end ? `${id}-${active}` : undefined}
      tabIndex={0}
      onKeyDown={onKeyDown}
      onScroll={(event) =>
        setView({ top: event.currentTarget.scrollTop, height: event.currentTarget.clientHeight })
      }
    >
      <div role="presentation" style={{ height: nodes.length * ROW, paddingTop: first * ROW }}>
        {nodes.slice(first, end).map((node, index) => {
          const at = first + index;
          const unreadable = node.kind === "table" && !node.table.readable;
          return (
            // biome-ignore lint/a11y/useKeyWithClickEvents: the keys are handled by the tree
            <div
              key={node.id}
              id={`${id}-${at}`}
              role="treeitem"
              tabIndex={-1}
              className={`tree-item ${node.kind}${at === active ? " active" : ""}${unreadable ? " unreadable" : ""}`}
              aria-level={node.kind === "schema" ? 1 : 2}
              aria-expanded={node.kind === "schema" ? node.open : undefined}
              aria-selected={node.id === chosenId}
              onClick={() => {
                setCurrent(node.id);
                ref.current?.focus({ preventScroll: true });
                onAct(node);
              }}
            >
              <NodeLine node={node} wanted={wanted} imported={imported} />
            </div>
          );
        })}
      </div>
    </div>
  );
}

interface LineProps {
  node: Node;
  wanted: string;
  imported: ReadonlyMap<string, Table>;
}

function NodeLine({ node, wanted, imported }: LineProps) {
  if (node.kind === "schema") {
    const Chevron = node.open ? ChevronDown : ChevronRight;
    return (
      <>
        <Chevron size={16} className="icon" aria-hidden />
        <span className="tree-name">
          <Marked text={node.schema} wanted={wanted} />
        </span>
        <span className="tree-figure">{count(node.tables)}</span>
      </>
    );
  }
  if (node.kind === "note") {
    return (
      <>
        {node.retry && <TriangleAlert size={14} className="icon warning" aria-hidden />}
        <span className="tree-name">{node.text}</span>
      </>
    );
  }
  const { table } = node;
  const here = imported.get(sourceKey(table.schema, table.name));
  const { icon, word } = KINDS[table.kind];
  const Icon = table.readable ? icon : Lock;
  return (
    <>
      <Icon
        size={14}
        className="icon"
        role="img"
        aria-label={table.readable ? word : `${word}, not readable`}
      />
      <span className="tree-name" title={spelled(table.name)}>
        <Marked text={table.name} wanted={wanted} />
      </span>
      {here && <Imported table={here} />}
      <span className="tree-figure" title="The database's estimate of rows, and the size">
        {table.estimated_rows !== null && estimate(table.estimated_rows)}
        {table.bytes !== null && table.bytes > 0 && ` · ${bytes(table.bytes)}`}
      </span>
    </>
  );
}

/** It is in the Model already: as what, and how old it is. */
function Imported({ table }: { table: Table }) {
  const at = table.source?.synced_at;
  const words = `In this Model as ${spelled(table.name)}${at ? `, read ${ago(at, Date.now())}` : ", not read yet"}`;
  return (
    <span className="tree-imported" title={words}>
      <Check size={12} className="icon success" role="img" aria-label={words} />
      {at && <span aria-hidden>{age(at, Date.now())}</span>}
    </span>
  );
}

function Marked({ text, wanted }: { text: string; wanted: string }): ReactNode {
  const at = wanted ? text.toLowerCase().indexOf(wanted) : -1;
  if (at < 0) return visible(text);
  return (
    <>
      {visible(text.slice(0, at))}
      <mark>{visible(text.slice(at, at + wanted.length))}</mark>
      {visible(text.slice(at + wanted.length))}
    </>
  );
}
