import { Button, NativeSelect, Popover, TextInput } from "@mantine/core";
import { ListFilter, X } from "lucide-react";
import { type FormEvent, useState } from "react";
import type { Column } from "../api/client";
import { spelled } from "../ui/invisible";
import { Name } from "../ui/Visible";
import { type Filter, formatFilter, makeFilter, OPERATORS, readFilter } from "./view";

interface Props {
  columns: Column[];
  filters: Filter[];
  onChange: (filters: Filter[]) => void;
  /** The column that a new filter is being made for; null: none is. */
  opened: string | null;
  onOpen: (column: string | null) => void;
}

/** The filters as chips; a click on one changes it, the cross removes it. */
export function FilterBar({ columns, filters, onChange, opened, onOpen }: Props) {
  const [editing, setEditing] = useState<number | null>(null);
  const first = columns[0]?.name ?? "";
  return (
    <div className="filters" role="group" aria-label="Filters">
      <Popover
        opened={opened !== null}
        onChange={(open) => !open && onOpen(null)}
        position="bottom-start"
        trapFocus
      >
        <Popover.Target>
          <Button
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
              filter={{ column: opened, operator: "eq", value: "" }}
              onSave={(filter) => {
                onChange([...filters, filter]);
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
        >
          <span className="chip">
            <Popover.Target>
              <button type="button" onClick={() => setEditing(editing === at ? null : at)}>
                <b>
                  <Name text={filter.column} />
                </b>{" "}
                <Name text={inWords(filter)} />
              </button>
            </Popover.Target>
            <button
              type="button"
              aria-label={`Remove the filter on ${spelled(filter.column)}`}
              onClick={() => onChange(filters.filter((_, other) => other !== at))}
            >
              <X size={14} aria-hidden />
            </button>
          </span>
          <Popover.Dropdown>
            <FilterForm
              columns={columns}
              filter={filter}
              onSave={(next) => {
                onChange(filters.map((one, other) => (other === at ? next : one)));
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

function inWords(filter: Filter): string {
  const { choice, typed } = readFilter(filter);
  const label = OPERATORS.find(({ id }) => id === choice)?.label.replace(/ \(.*/, "") ?? choice;
  return typed === "" && choice.startsWith("is.") ? label : `${label} ${typed === "" ? '""' : typed}`;
}

function FilterForm(props: { columns: Column[]; filter: Filter; onSave: (filter: Filter) => void }) {
  const [column, setColumn] = useState(props.filter.column);
  const [{ choice, typed }, setRead] = useState(() => readFilter(props.filter));
  const operator = OPERATORS.find(({ id }) => id === choice);
  const submit = (event: FormEvent) => {
    event.preventDefault();
    props.onSave(makeFilter(column, choice, typed));
  };
  return (
    <form className="stack" style={{ gap: 12, width: 280 }} onSubmit={submit}>
      <NativeSelect
        label="Column"
        data={props.columns.map(({ name }) => ({ value: name, label: spelled(name) }))}
        value={column}
        onChange={(event) => setColumn(event.currentTarget.value)}
      />
      <NativeSelect
        label="Condition"
        data={OPERATORS.map(({ id, label }) => ({ value: id, label }))}
        value={choice}
        onChange={(event) => setRead({ choice: event.currentTarget.value, typed })}
      />
      {operator?.value !== false && (
        <TextInput
          data-autofocus
          label="Value"
          description={choice === "in" ? "Separated by commas." : undefined}
          autoComplete="off"
          spellCheck={false}
          value={typed}
          onChange={(event) => setRead({ choice, typed: event.currentTarget.value })}
        />
      )}
      <Button type="submit" style={{ alignSelf: "flex-end" }}>
        Apply filter
      </Button>
    </form>
  );
}
