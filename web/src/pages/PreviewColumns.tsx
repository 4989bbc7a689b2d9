// The columns of a table at the source: which come over and how, and what the database knows of them.
import { Checkbox } from "@mantine/core";
import { KeyRound } from "lucide-react";
import type { SourceColumn, SourceStatistics } from "../api/client";
import { visible } from "../ui/Visible";
import { type Mask, MaskSelect, type Masks } from "./Selection";
import { CommonValues, differentValues, nullShare } from "./SourceStatistics";

interface Props {
  columns: SourceColumn[];
  statistics: SourceStatistics;
  /** With values; null where nobody asked. */
  values: SourceStatistics | null;
  /** Names of those that are left out. */
  left: ReadonlySet<string>;
  onLeft: (left: ReadonlySet<string>) => void;
  masks: Masks;
  onMask: (column: string, mask: Mask | null) => void;
}

export function PreviewColumns(props: Props) {
  const { columns, statistics, values, left, onLeft, masks, onMask } = props;
  const known = new Map(statistics.columns.map((column) => [column.name, column]));
  const valued = values && new Map(values.columns.map((column) => [column.name, column]));
  const readable = columns.filter((column) => column.readable);
  const kept = readable.length - left.size;
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: it scrolls, so the keyboard must reach it
    <div className="table-wrap preview-columns" tabIndex={0} role="region" aria-label="Columns">
      <table className="list">
        <thead>
          <tr>
            <th>
              <Checkbox
                label={`Column (${kept} of ${columns.length})`}
                checked={left.size === 0}
                indeterminate={kept > 0 && left.size > 0}
                onChange={() =>
                  onLeft(left.size === 0 ? new Set(readable.map(({ name }) => name)) : new Set())
                }
              />
            </th>
            <th>Type at the source</th>
            <th>Stored as</th>
            <th>What is stored</th>
            <th>Null</th>
            {known.size > 0 && <th>Different values</th>}
            {valued && <th>Most common values</th>}
          </tr>
        </thead>
        <tbody>
          {columns.map((column) => {
            const about = known.get(column.name);
            return (
              <tr key={column.name} className={column.readable ? undefined : "shut"}>
                <td>
                  <div className="row">
                    <Checkbox
                      label={visible(column.name)}
                      checked={column.readable && !left.has(column.name)}
                      disabled={!column.readable}
                      description={column.readable ? undefined : "The role may not read this column."}
                      onChange={() => {
                        const next = new Set(left);
                        if (!next.delete(column.name)) next.add(column.name);
                        onLeft(next);
                      }}
                    />
                    {column.primary_key && (
                      <span className="badge">
                        <KeyRound size={12} aria-hidden /> key
                      </span>
                    )}
                  </div>
                </td>
                <td className="mono">{visible(column.pg_type)}</td>
                <td className="mono dim">{masks[column.name] ? "string" : column.type}</td>
                <td style={{ minWidth: 128 }}>
                  <MaskSelect
                    column={column.name}
                    value={masks[column.name] ?? null}
                    disabled={!column.readable || left.has(column.name)}
                    onChange={(mask) => onMask(column.name, mask)}
                  />
                </td>
                <td className="dim nowrap">
                  {column.nullable ? (about ? nullShare(about) : "allowed") : "never"}
                </td>
                {known.size > 0 && <td className="dim nowrap">{about ? differentValues(about) : ""}</td>}
                {valued && (
                  <td>
                    <CommonValues column={valued.get(column.name)} />
                  </td>
                )}
              </tr>
            );
          })}
        </tbody>
      </table>
    </div>
  );
}
