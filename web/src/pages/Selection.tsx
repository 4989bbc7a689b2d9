import { NativeSelect } from "@mantine/core";
import { EyeOff, ListFilter } from "lucide-react";
import type { Table } from "../api/client";
import { inWords, parseFilter } from "../grid/view";
import { spelled } from "../ui/invisible";
import { Name } from "../ui/Visible";

export type Mask = "hash" | "redact";
export type Masks = Readonly<Record<string, Mask>>;

/** Masks with one of them set, or taken away. */
export function withMask(masks: Masks, column: string, mask: Mask | null): Masks {
  const { [column]: _, ...rest } = masks;
  return mask ? { ...rest, [column]: mask } : rest;
}

interface MaskProps {
  column: string;
  value: Mask | null;
  disabled?: boolean;
  onChange: (mask: Mask | null) => void;
}

/** Whether a column's values are stored, or what stands for them. */
export function MaskSelect({ column, value, disabled, onChange }: MaskProps) {
  return (
    <NativeSelect
      size="xs"
      aria-label={`What is stored of ${spelled(column)}`}
      disabled={disabled}
      value={value ?? ""}
      data={[
        { value: "", label: "its values" },
        { value: "hash", label: "a keyed hash" },
        { value: "redact", label: "nothing but whether there is one" },
      ]}
      onChange={(event) => onChange((event.currentTarget.value || null) as Mask | null)}
    />
  );
}

const STORED: Record<Mask, string> = { hash: "hashed", redact: "redacted" };

/** Which rows of its source a table holds, and which columns are masked; nothing where it holds all as it is. */
export function Selected({ table }: { table: Table }) {
  const filters = table.source?.filter.flatMap((text) => parseFilter(text) ?? []) ?? [];
  const masks = Object.entries(table.source?.masks ?? {});
  if (filters.length === 0 && masks.length === 0) return null;
  return (
    <div className="row dim small" role="group" aria-label="What of the source is here">
      {filters.length > 0 && (
        <span className="row">
          <ListFilter size={14} aria-hidden />
          <span>
            Only rows where{" "}
            {filters.map((filter, at) => (
              <span key={JSON.stringify(filter)}>
                {at > 0 && " and "}
                <b>
                  <Name text={filter.column} />
                </b>{" "}
                <Name text={inWords(filter)} />
              </span>
            ))}
          </span>
        </span>
      )}
      {masks.length > 0 && (
        <span className="row">
          <EyeOff size={14} aria-hidden />
          <span>
            {masks.map(([column, mask], at) => (
              <span key={column}>
                {at > 0 && ", "}
                <Name text={column} /> {STORED[mask]}
              </span>
            ))}
          </span>
        </span>
      )}
    </div>
  );
}
