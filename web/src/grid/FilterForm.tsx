import { Button, Checkbox, NativeSelect, TextInput } from "@mantine/core";
import { type FormEvent, useId, useState } from "react";
import type { Column } from "../api/client";
import { spelled } from "../ui/invisible";
import { visible } from "../ui/Visible";
import { choicesOf, type Kind, kindOf, makeFilters } from "./kinds";
import { type Filter, OPERATORS, readFilter, typedWords } from "./view";

interface Props {
  columns: Column[];
  filter: Filter;
  /** The values of a column where they seem to be few. */
  values: (column: string) => string[] | null;
  onSave: (filters: Filter[]) => void;
}

/** One condition on one column, in the words and fields of its type. */
export function FilterForm({ columns, filter, values, onSave }: Props) {
  const [name, setName] = useState(filter.column);
  const column = columns.find((one) => one.name === name) ?? columns[0];
  const kind = column ? kindOf(column) : "other";
  const [{ choice, typed }, setRead] = useState(() => {
    const read = readFilter(filter);
    // A new one begins with what is asked most of such a column.
    return read.choice === "" && column ? { choice: choicesOf(column)[0]?.id ?? "eq", typed: "" } : read;
  });
  const [to, setTo] = useState("");
  const few = values(name);
  const set = (text: string) => setRead({ choice, typed: text });
  const needsValue = OPERATORS.find(({ id }) => id === choice)?.value !== false;
  const submit = (event: FormEvent) => {
    event.preventDefault();
    const value = kind === "boolean" && choice === "eq" && typed === "" ? "t" : typed;
    onSave(makeFilters(name, choice, value, to));
  };
  return (
    <form className="stack" style={{ gap: 12, width: 280 }} onSubmit={submit}>
      <NativeSelect
        label="Column"
        data={columns.map((one) => ({ value: one.name, label: spelled(one.name) }))}
        value={name}
        onChange={(event) => {
          const next = columns.find((one) => one.name === event.currentTarget.value);
          setName(event.currentTarget.value);
          // What the other column is not asked is not kept.
          const choices = next ? choicesOf(next) : [];
          if (!choices.some(({ id }) => id === choice))
            setRead({ choice: choices[0]?.id ?? "eq", typed: "" });
        }}
      />
      <NativeSelect
        label="Condition"
        data={(column ? choicesOf(column, choice) : []).map(({ id, label }) => ({ value: id, label }))}
        value={choice}
        onChange={(event) => setRead({ choice: event.currentTarget.value, typed })}
      />
      {needsValue && choice === "in" && few && <ValueList values={few} typed={typed} onChange={set} />}
      {needsValue && !(choice === "in" && few) && (
        <ValueField
          kind={kind}
          label={choice === "between" ? "From" : "Value"}
          description={choice === "in" ? "Separated by commas." : undefined}
          few={choice === "eq" || choice === "neq" ? few : null}
          value={typed}
          onChange={set}
        />
      )}
      {choice === "between" && (
        <ValueField kind={kind} label="To" few={null} value={to} onChange={setTo} last />
      )}
      <Button
        type="submit"
        style={{ alignSelf: "flex-end" }}
        disabled={choice === "between" && typed === "" && to === ""}
      >
        Apply filter
      </Button>
    </form>
  );
}

interface FieldProps {
  kind: Kind;
  label: string;
  description?: string;
  /** Offered while typing. */
  few: string[] | null;
  value: string;
  onChange: (value: string) => void;
  /** Not the one that has the focus first. */
  last?: boolean;
}

function ValueField({ kind, label, description, few, value, onChange, last }: FieldProps) {
  const list = useId();
  const common = { "data-autofocus": last ? undefined : true, label, value };
  if (kind === "boolean") {
    const data = [
      { value: "t", label: "true" },
      { value: "f", label: "false" },
    ];
    return (
      <NativeSelect
        {...common}
        value={value === "f" || value === "false" ? "f" : "t"}
        data={data}
        onChange={(event) => onChange(event.currentTarget.value)}
      />
    );
  }
  // The browser's own picker shows nothing of a value in another form, e.g. `infinity`: that stays text.
  const pick =
    kind === "date" && (value === "" || /^\d{4}-\d\d-\d\d$/.test(value))
      ? "date"
      : kind === "timestamp" && (value === "" || /^\d{4}-\d\d-\d\dT\d\d:\d\d(:\d\d)?$/.test(value))
        ? "datetime-local"
        : "text";
  return (
    <>
      <TextInput
        {...common}
        type={pick}
        step={pick === "datetime-local" ? 1 : undefined}
        inputMode={kind === "number" ? "decimal" : undefined}
        description={pick === "datetime-local" ? "In UTC." : description}
        list={few ? list : undefined}
        autoComplete="off"
        spellCheck={false}
        onChange={(event) => onChange(event.currentTarget.value)}
      />
      {few && (
        <datalist id={list}>
          {few.map((one) => (
            <option key={one} value={one} />
          ))}
        </datalist>
      )}
    </>
  );
}

function ValueList(props: { values: string[]; typed: string; onChange: (typed: string) => void }) {
  const chosen = typedWords(props.typed).filter(Boolean);
  const all = [...new Set([...props.values, ...chosen])];
  const toggle = (value: string) => {
    const next = chosen.includes(value) ? chosen.filter((one) => one !== value) : [...chosen, value];
    props.onChange(next.map((one) => (/[",]/.test(one) ? `"${one.replaceAll('"', '""')}"` : one)).join(", "));
  };
  return (
    <fieldset
      className="stack"
      style={{ gap: 8, maxHeight: 240, overflow: "auto", padding: 2, border: 0, margin: 0 }}
    >
      <legend className="small dim">Values in the rows that are here</legend>
      {all.map((value) => (
        <Checkbox
          key={value}
          label={visible(value)}
          checked={chosen.includes(value)}
          onChange={() => toggle(value)}
        />
      ))}
    </fieldset>
  );
}
