// What is shown as a file: the version that is looked at, with its filters, in its order, with the columns in sight.
import { Button, Menu } from "@mantine/core";
import { Download } from "lucide-react";
import type { VersionName } from "../api/client";
import { type Filter, formatFilter, formatSort, joinWords, type Sort } from "../grid/view";
import { plural } from "../ui/format";

const FORMATS = [
  { format: "csv", label: "CSV" },
  { format: "jsonl", label: "JSON lines" },
  { format: "parquet", label: "Parquet" },
  { format: "arrow", label: "Arrow" },
] as const;

interface Props {
  tableId: string;
  version: VersionName;
  filters: readonly Filter[];
  sorts: readonly Sort[];
  /** Names in their order; null: all, as in the table. */
  columns: readonly string[] | null;
  /** Of how many there are. */
  width: number;
  /** null until they are counted. */
  rows: number | null;
}

export function DownloadMenu({ tableId, version, filters, sorts, columns, width, rows }: Props) {
  const href = (format: string) => {
    const query = new URLSearchParams({ format, version: String(version) });
    if (sorts.length > 0) query.set("sort", formatSort(sorts));
    for (const filter of filters) query.append("filter", formatFilter(filter));
    if (columns) query.set("columns", joinWords(columns));
    return `/api/v1/tables/${tableId}/export?${query}`;
  };
  const what = [
    rows === null ? "All rows" : plural(rows, "row"),
    plural(columns?.length ?? width, "column"),
    ...(sorts.length > 0 ? ["in this order"] : []),
  ].join(", ");
  return (
    <Menu position="bottom-end">
      <Menu.Target>
        <Button variant="default" size="xs" leftSection={<Download size={16} />}>
          Download
        </Button>
      </Menu.Target>
      <Menu.Dropdown>
        <Menu.Label>{what}</Menu.Label>
        {FORMATS.map(({ format, label }) => (
          <Menu.Item key={format} component="a" href={href(format)} download>
            {label}
          </Menu.Item>
        ))}
      </Menu.Dropdown>
    </Menu>
  );
}
