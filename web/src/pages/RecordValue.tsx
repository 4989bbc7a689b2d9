// A value of a record, by its type: JSON as a tree that folds, arrays as lists, bytes as what they are.
import { type ReactNode, useState } from "react";
import type { Cell } from "../api/client";
import { type ArrayItem, parseArray } from "../grid/array";
import { cellText } from "../grid/cell";
import { type JsonNode, jsonTree } from "../grid/json";
import { bytes, plural } from "../ui/format";
import { visible } from "../ui/Visible";

/** Longer texts are shown when asked for. */
const SHOWN = 2_000;
/** So many items of a list are shown at once. */
const ITEMS = 100;
/** Bytes are shown as hexadecimal digits up to here. */
const HEX_BYTES = 128;

interface Props {
  cell: Cell | null;
  type: string;
  /** The whole of a large value. */
  onOpen: () => void;
}

export function RecordValue({ cell, type, onOpen }: Props): ReactNode {
  if (cell === null || cell === "") return cellText(cell);
  if (typeof cell === "object") {
    return (
      <>
        {cellText(cell)}{" "}
        <button type="button" className="plain-link" onClick={onOpen}>
          Open
        </button>
      </>
    );
  }
  if (type === "bytea") return <Bytes hex={cell.slice(2)} />;
  if (type === "json" || type === "jsonb") {
    const tree = jsonTree(cell);
    if (tree && tree.kind === "list") return <Json node={tree} open />;
  }
  if (type.endsWith("[]")) {
    const items = parseArray(cell);
    if (items) return <Items items={items} />;
  }
  return <Text text={cell} />;
}

function Text({ text }: { text: string }) {
  const [all, setAll] = useState(false);
  return (
    <span className="record-text">
      {/* Not in the middle of a character. */}
      {visible(
        all || text.length <= SHOWN ? text : `${text.slice(0, SHOWN).replace(/[\uD800-\uDBFF]$/, "")}…`,
        true,
      )}
      {!all && text.length > SHOWN && (
        <button type="button" className="plain-link" onClick={() => setAll(true)}>
          Show all {plural(text.length, "character")}
        </button>
      )}
    </span>
  );
}

function Json({ node, label, open }: { node: JsonNode; label?: string; open?: boolean }): ReactNode {
  const name = label === undefined ? null : <span className="record-key">{visible(label)}: </span>;
  if (node.kind === "value") {
    return (
      <div>
        {name}
        <span className="mono">{visible(node.text)}</span>
      </div>
    );
  }
  const what = node.open === "{" ? plural(node.entries.length, "key") : plural(node.entries.length, "item");
  return (
    <Folded
      open={open}
      summary={
        <>
          {name}
          <span className="dim">{what}</span>
        </>
      }
    >
      <Limited
        all={node.entries}
        item={(entry, at) => (
          <Json key={at} node={entry.node} label={entry.key?.slice(1, -1) ?? String(at)} />
        )}
      />
    </Folded>
  );
}

function Items({ items }: { items: ArrayItem[] }): ReactNode {
  return (
    <Folded open={items.length <= 5} summary={<span className="dim">{plural(items.length, "item")}</span>}>
      <Limited
        all={items}
        item={(one, at) => <div key={at}>{Array.isArray(one) ? <Items items={one} /> : cellText(one)}</div>}
      />
    </Folded>
  );
}

/** What is folded is not in the page: a value of ten thousand items costs nothing until it is opened. */
function Folded(props: { open?: boolean; summary: ReactNode; children: ReactNode }) {
  const [open, setOpen] = useState(props.open ?? false);
  return (
    <details open={open} onToggle={(event) => setOpen(event.currentTarget.open)}>
      <summary>{props.summary}</summary>
      {open && <div className="record-tree">{props.children}</div>}
    </details>
  );
}

function Limited<T>({ all, item }: { all: T[]; item: (one: T, at: number) => ReactNode }) {
  const [shown, setShown] = useState(ITEMS);
  return (
    <>
      {all.slice(0, shown).map(item)}
      {all.length > shown && (
        <button type="button" className="plain-link" onClick={() => setShown(shown * 10)}>
          Show more of {plural(all.length, "item")}
        </button>
      )}
    </>
  );
}

/** By their first bytes. SVG is none of them: it is a document that can do things. */
const IMAGES: [string, string][] = [
  ["89504e470d0a1a0a", "image/png"],
  ["ffd8ff", "image/jpeg"],
  ["47494638", "image/gif"],
];

function Bytes({ hex }: { hex: string }) {
  const type = IMAGES.find(([signature]) => hex.startsWith(signature))?.[1];
  const size = hex.length / 2;
  return (
    <div className="stack" style={{ gap: 4 }}>
      <span className="dim small">{bytes(size)}</span>
      {type && <img className="record-image" alt="The value, as it would be seen" src={dataUrl(hex, type)} />}
      <span className="mono record-text">
        {`\\x${hex.slice(0, 2 * HEX_BYTES)}`}
        {size > HEX_BYTES && "…"}
      </span>
    </div>
  );
}

function dataUrl(hex: string, type: string): string {
  const binary = Array.from({ length: hex.length / 2 }, (_, at) =>
    String.fromCharCode(Number.parseInt(hex.slice(2 * at, 2 * at + 2), 16)),
  );
  return `data:${type};base64,${btoa(binary.join(""))}`;
}
