import { Button, Popover } from "@mantine/core";
import { ListFilter, X } from "lucide-react";
import { useState } from "react";
import type { Column } from "../api/client";
import { spelled } from "../ui/invisible";
import { Name } from "../ui/Visible";
import { FilterForm } from "./FilterForm";
import type { KnownValue } from "./kinds";
import { alternatives, type Filter, formatFilter, inWords } from "./view";

interface Props {
  columns: Column[];
  filters: Filter[];
  onChange: (filters: Filter[]) => void;
  /** The column that a new filter is being made for; null: none is. */
  opened: string | null;
  onOpen: (column: string | null) => void;
  /** The values of a column where they seem to be few. */
  values: (column: string) => string[] | null;
  /** All values of a column where they are known and few. */
  known?: (column: string) => KnownValue[] | null;
  /** Whether several conditions may be one filter. */
  groups?: boolean;
}

/** The filters as chips; a click on one changes it, the cross removes it. */
export function FilterBar(props: Props) {
  const { columns, filters, onChange, opened, onOpen, values, known, groups } = props;
  const [editing, setEditing] = useState<number | null>(null);
  const first = columns[0]?.name ?? "";
  return (
    <div className="filters" role="group" aria-label="Filters">
      <Popover
        opened={opened !== null}
        onChange={(open) => !open && onOpen(null)}
        position="bottom-start"
        trapFocus
        returnFocus
      >
        <Popover.Target>
          <Button
            data-search
            variant="default"
            size="xs"
            leftSection={<ListFilter size={16} />}
            onClick={() => onOpen(opened === null ? first : null)}
          >
            Filter
          </Button>
        </Popover.Target>
        <Popover.Dropdown>
          {opened !== null && (
            <FilterForm
              columns={columns}
              filter={{ column: opened, operator: "", value: "" }}
              values={values}
              known={known}
              groups={groups}
              onSave={(made) => {
                onChange([...filters, ...made]);
                onOpen(null);
              }}
            />
          )}
        </Popover.Dropdown>
      </Popover>
      {filters.map((filter, at) => (
        <Popover
          key={formatFilter(filter)}
          opened={editing === at}
          onChange={(open) => !open && setEditing(null)}
          position="bottom-start"
          trapFocus
          returnFocus
        >
          <span className="chip">
            <Popover.Target>
              <button type="button" onClick={() => setEditing(editing === at ? null : at)}>
                {alternatives(filter).map((one, at) => (
                  // biome-ignore lint/suspicious/noArrayIndexKey: the same condition may stand there twice
                  <span key={at}>
                    {at > 0 && <span className="dim"> or </span>}
                    <b>
                      <Name text={one.column} />
                    </b>{" "}
                    <Name text={inWords(one)} />
                  </span>
                ))}
              </button>
            </Popover.Target>
            <button
              type="button"
              aria-label={`Remove the filter on ${spelled(columnsOf(filter))}`}
              onClick={() => onChange(filters.filter((_, other) => other !== at))}
            >
              <X size={14} aria-hidden />
            </button>
          </span>
          <Popover.Dropdown>
            <FilterForm
              columns={columns}
              filter={filter}
              values={values}
              known={known}
              groups={groups}
              onSave={(next) => {
                onChange(filters.flatMap((one, other) => (other === at ? next : [one])));
                setEditing(null);
              }}
            />
          </Popover.Dropdown>
        </Popover>
      ))}
      {filters.length > 1 && (
        <Button variant="subtle" size="xs" onClick={() => onChange([])}>
          Clear filters
        </Button>
      )}
    </div>
  );
}

const columnsOf = (filter: Filter) =>
  [...new Set(alternatives(filter).map(({ column }) => column))].join(" or ");
