import {
  Check,
  ChevronDown,
  ChevronRight,
  Eye,
  Globe,
  Layers,
  Lock,
  Square,
  SquareCheck,
  SquareMinus,
  SquareSplitVertical,
  Table2,
  TriangleAlert,
} from "lucide-react";
import { type KeyboardEvent, type ReactNode, useId, useLayoutEffect, useMemo, useState } from "react";
import type { SourceTable, Table } from "../api/client";
import { age, ago, bytes, count, estimate } from "../ui/format";
import { spelled } from "../ui/invisible";
import { visible } from "../ui/Visible";
import { sourceKey } from "./imported";

export interface Chosen {
  schema: string;
  table: string;
}

const KINDS: Record<SourceTable["kind"], { icon: typeof Table2; word: string }> = {
  table: { icon: Table2, word: "table" },
  view: { icon: Eye, word: "view" },
  materialized_view: { icon: Layers, word: "materialized view" },
  foreign_table: { icon: Globe, word: "foreign table" },
  partitioned_table: { icon: SquareSplitVertical, word: "partitioned table" },
};

export type Node =
  | { kind: "schema"; id: string; schema: string; tables: number; open: boolean }
  | { kind: "table"; id: string; schema: string; table: SourceTable }
  | { kind: "note"; id: string; schema: string; text: string; retry?: () => void };

const ROW = 32;

interface ListProps {
  ref: React.RefObject<HTMLDivElement | null>;
  nodes: Node[];
  wanted: string;
  chosen: Chosen | null;
  imported: ReadonlyMap<string, Table>;
  /** undefined: it can't be marked. */
  markOf: (node: Node) => boolean | "mixed" | undefined;
  onMark: (node: Node) => void;
  onAct: (node: Node) => void;
}

/** Only the lines in sight are in the page; the focus stays on the tree (ARIA APG, tree view). */
export function NodeList(props: ListProps) {
  const { ref, nodes, wanted, chosen, imported, markOf, onMark, onAct } = props;
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
    else if (event.key === "Enter") onAct(node);
    else if (event.key === " ") markOf(node) === undefined ? onAct(node) : onMark(node);
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
              aria-checked={markOf(node)}
              onClick={() => {
                setCurrent(node.id);
                ref.current?.focus({ preventScroll: true });
                onAct(node);
              }}
            >
              <MarkBox mark={markOf(node)} onMark={() => onMark(node)} />
              <NodeLine node={node} wanted={wanted} imported={imported} />
            </div>
          );
        })}
      </div>
    </div>
  );
}

/** The box of a line; the keyboard marks the line itself (Space), so it is not in the tab order. */
function MarkBox({ mark, onMark }: { mark: boolean | "mixed" | undefined; onMark: () => void }) {
  if (mark === undefined) return null;
  const Icon = mark === "mixed" ? SquareMinus : mark ? SquareCheck : Square;
  return (
    // biome-ignore lint/a11y/useKeyWithClickEvents: the keys are handled by the tree
    // biome-ignore lint/a11y/noStaticElementInteractions: as above
    <span
      className={mark ? "tree-mark marked" : "tree-mark"}
      title="Mark, to import several together"
      onClick={(event) => {
        event.stopPropagation();
        onMark();
      }}
    >
      <Icon size={16} aria-hidden />
    </span>
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
        {/* One figure must do where there is a mark too: names come first. */}
        {!here && table.bytes !== null && table.bytes > 0 && ` · ${bytes(table.bytes)}`}
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
