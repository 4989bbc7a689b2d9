// Two versions of a table, row by row: what was added, removed and changed.
import { Button, NativeSelect } from "@mantine/core";
import { keepPreviousData } from "@tanstack/react-query";
import { ChevronDown, ChevronUp, Download } from "lucide-react";
import { type ReactNode, useRef, useState } from "react";
import { Link, useLocation } from "wouter";
import {
  $api,
  type Cell,
  type Diff,
  type DiffRow,
  type Model,
  type Table,
  type Version,
} from "../api/client";
import { cellText } from "../grid/cell";
import { to } from "../routes";
import { Async } from "../ui/Async";
import { count, plural } from "../ui/format";
import { spelled } from "../ui/invisible";
import { visible } from "../ui/Visible";
import { ChangeCounts } from "./ChangeCounts";

type Name = number | "held";
export const parseName = (text: string | null): Name | null =>
  text === "held" ? "held" : text && /^[1-9]\d*$/.test(text) ? Number(text) : null;

/** Rows that differ, of one page. */
const PAGE = 100;

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
    <div className="stack">
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
            <Changes key={`${from} ${until}`} table={table} diff={data} from={from} until={until} />
          ) : null
        }
      </Async>
    </div>
  );
}

const KINDS = ["removed", "added", "changed"] as const;

function Changes(props: { table: Table; diff: Diff; from: Name; until: Name }) {
  const { table, diff, from, until } = props;
  const [kind, setKind] = useState<(typeof KINDS)[number] | "all">("all");
  const [page, setPage] = useState(0);
  const [current, setCurrent] = useState(-1);
  const body = useRef<HTMLTableSectionElement>(null);
  const rows = $api.useQuery(
    "get",
    "/api/v1/tables/{id}/diff/rows",
    {
      params: {
        path: { id: table.id },
        query: {
          from,
          to: until,
          change: kind === "all" ? undefined : kind,
          offset: page * PAGE,
          limit: PAGE,
        },
      },
    },
    { placeholderData: keepPreviousData },
  );
  const all = diff.added + diff.removed + diff.changed;
  const total = rows.data?.total ?? 0;
  const last = Math.max(0, Math.ceil(total / PAGE) - 1);
  const go = (next: number) => {
    setCurrent(next);
    const row = body.current?.rows[next];
    row?.scrollIntoView({ block: "nearest" });
    row?.focus({ preventScroll: true });
  };
  const columns = diff.columns.filter((column) => column.change !== null);
  return (
    <div className="stack">
      <div>
        <ChangeCounts diff={diff} />{" "}
        <span className="dim">
          {diff.key
            ? `Rows are known by ${diff.key.map(spelled).join(", ")}.`
            : "The table has no key, so a changed row is one removed and one added."}
        </span>
        {columns.map((column) => (
          <div key={`${column.name} ${column.name_before}`} className="small">
            {column.change === "added" && "Added column "}
            {column.change === "removed" && "Removed column "}
            {column.change === "changed" && "Changed column "}
            <span className="mono">
              {column.change === "changed" && column.name_before !== column.name && (
                <>{visible(column.name_before ?? "")} → </>
              )}
              {visible(column.name)}
            </span>
            {column.change === "changed" && column.pg_type !== column.pg_type_before && (
              <>
                {" "}
                <span className="mono">
                  {column.pg_type_before} → {column.pg_type}
                </span>
              </>
            )}
          </div>
        ))}
      </div>
      {all > 0 && (
        <>
          <div className="row spread">
            <NativeSelect
              size="xs"
              aria-label="Which changes"
              data={[
                { value: "all", label: `All ${count(all)} changes` },
                ...KINDS.map((one) => ({ value: one, label: `${count(diff[one])} ${one}` })),
              ]}
              value={kind}
              onChange={(event) => {
                setKind(event.currentTarget.value as typeof kind);
                setPage(0);
                setCurrent(-1);
              }}
            />
            <div className="row">
              <Button
                variant="default"
                size="xs"
                leftSection={<ChevronUp size={14} />}
                disabled={current <= 0}
                onClick={() => go(current - 1)}
              >
                Previous change
              </Button>
              <Button
                variant="default"
                size="xs"
                leftSection={<ChevronDown size={14} />}
                disabled={current + 1 >= (rows.data?.rows.length ?? 0)}
                onClick={() => go(current + 1)}
              >
                Next change
              </Button>
            </div>
          </div>
          <Async query={rows}>
            {(data) => (
              // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls can be scrolled by keys
              <div className="diff" tabIndex={0} role="region" aria-label="Rows that differ">
                <table>
                  <thead>
                    <tr>
                      <th scope="col">Change</th>
                      {data.columns.map((column) => (
                        <th
                          key={`${column.name} ${column.name_before}`}
                          scope="col"
                          className={column.change ?? ""}
                        >
                          {visible(column.name)}
                        </th>
                      ))}
                    </tr>
                  </thead>
                  <tbody ref={body}>
                    {data.rows.map((row, at) => (
                      <tr
                        // biome-ignore lint/suspicious/noArrayIndexKey: the rows of a page never move
                        key={at}
                        tabIndex={-1}
                        className={row.change}
                        aria-current={at === current || undefined}
                      >
                        <th scope="row">{WORDS[row.change]}</th>
                        {data.columns.map((column, place) => (
                          <td
                            key={`${column.name} ${column.name_before}`}
                            className={differs(row, place, column.change) ? "cell-changed" : ""}
                          >
                            {cells(row, place, column.change)}
                          </td>
                        ))}
                      </tr>
                    ))}
                  </tbody>
                </table>
              </div>
            )}
          </Async>
          {last > 0 && (
            <div className="row">
              <Button variant="default" size="xs" disabled={page === 0} onClick={() => setPage(page - 1)}>
                Page before
              </Button>
              <span className="dim small">
                Page {count(page + 1)} of {count(last + 1)}, {plural(total, "row")}
              </span>
              <Button variant="default" size="xs" disabled={page >= last} onClick={() => setPage(page + 1)}>
                Next page
              </Button>
            </div>
          )}
        </>
      )}
    </div>
  );
}

const WORDS = { added: "+ added", removed: "− removed", changed: "~ changed" };

type ColumnChange = Diff["columns"][number]["change"];

function differs(row: DiffRow, place: number, change: ColumnChange): boolean {
  if (row.change !== "changed" || change === "added" || change === "removed") return false;
  return JSON.stringify(row.before?.[place]) !== JSON.stringify(row.after?.[place]);
}

/** A cell as it is, or as it was and as it is. */
function cells(row: DiffRow, place: number, change: ColumnChange): ReactNode {
  const before: Cell | null = row.before?.[place] ?? null;
  const after: Cell | null = row.after?.[place] ?? null;
  if (!differs(row, place, change)) {
    return cellText(row.after === null || change === "removed" ? before : after);
  }
  return (
    <>
      <del>{cellText(before)}</del> <ins>{cellText(after)}</ins>
    </>
  );
}
