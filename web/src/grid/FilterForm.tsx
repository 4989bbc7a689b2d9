import { Button, Checkbox, NativeSelect, TextInput } from "@mantine/core";
import { X } from "lucide-react";
import { type FormEvent, useId, useState } from "react";
import type { Column } from "../api/client";
import { count } from "../ui/format";
import { spelled } from "../ui/invisible";
import { Name, visible } from "../ui/Visible";
import { choicesOf, type Kind, type KnownValue, kindOf, makeFilters } from "./kinds";
import { alternatives, anyOf, type Filter, inWords, OPERATORS, readFilter, typedWords } from "./view";

interface Props {
  columns: Column[];
  filter: Filter;
  /** The values of a column where they seem to be few. */
  values: (column: string) => string[] | null;
  /** All values of a column where they are known and few. */
  known?: (column: string) => KnownValue[] | null;
  /** Whether several conditions may be one filter. */
  groups?: boolean;
  onSave: (filters: Filter[]) => void;
}

/** Conditions in the words and fields of the columns' types; of several one has to hold. */
export function FilterForm({ columns, filter, values, known, groups, onSave }: Props) {
  const [{ others, last, turn }, setGroup] = useState(() => {
    const all = alternatives(filter);
    return { others: all.slice(0, -1), last: all.at(-1) ?? filter, turn: 0 };
  });
  const save = (made: Filter[]) => {
    const group = anyOf([...others, ...made]);
    onSave(others.length === 0 ? made : group ? [group] : []);
  };
  const or = (made: Filter[]) =>
    setGroup({
      others: [...others, ...made],
      last: { column: made[0]?.column ?? "", operator: "", value: "" },
      turn: turn + 1,
    });
  return (
    <div className="stack" style={{ gap: 12, width: 280 }}>
      {others.length > 0 && (
        <ul className="filter-others" aria-label="One of these">
          {others.map((one, at) => (
            // biome-ignore lint/suspicious/noArrayIndexKey: the same condition may stand there twice
            <li key={at}>
              <span>
                <b>
                  <Name text={one.column} />
                </b>{" "}
                <Name text={inWords(one)} /> <span className="dim">or</span>
              </span>
              <button
                type="button"
                aria-label={`Remove the alternative on ${spelled(one.column)}`}
                onClick={() => setGroup({ others: others.toSpliced(at, 1), last, turn })}
              >
                <X size={14} aria-hidden />
              </button>
            </li>
          ))}
        </ul>
      )}
      <Condition
        key={turn}
        columns={columns}
        filter={last}
        values={values}
        known={known}
        alone={others.length === 0}
        focus={turn > 0}
        onSave={save}
        onOr={groups ? or : undefined}
      />
    </div>
  );
}

interface ConditionProps extends Omit<Props, "groups"> {
  /** No other stands beside it. */
  alone: boolean;
  /** It follows another, and takes the focus. */
  focus: boolean;
  /** Makes it one of several. */
  onOr?: (filters: Filter[]) => void;
}

/** One condition on one column. */
function Condition({ columns, filter, values, known, alone, focus, onSave, onOr }: ConditionProps) {
  const [name, setName] = useState(filter.column);
  const column = columns.find((one) => one.name === name) ?? columns[0];
  const kind = column ? kindOf(column) : "other";
  // The empty text has conditions of its own.
  const listOf = (name: string) => known?.(name)?.filter(({ value }) => value !== "") ?? null;
  /** What can be asked of it; two conditions at once are no alternative. */
  const choicesFor = (one: Column, chosen?: string) =>
    choicesOf(one, chosen, listOf(one.name) !== null).filter(({ id }) => alone || id !== "between");
  const [read, setRead] = useState(() => readFilter(filter));
  const { typed } = read;
  // Until somebody chooses or types it is what is asked most of such a column, and its values may become known meanwhile.
  const choice = read.choice || (column && choicesFor(column)[0]?.id) || "eq";
  const [to, setTo] = useState("");
  const all = listOf(name);
  const few = all?.map(({ value }) => value) ?? values(name);
  const set = (text: string) => setRead({ choice, typed: text });
  const needsValue = OPERATORS.find(({ id }) => id === choice)?.value !== false;
  const made = () => {
    const value = kind === "boolean" && choice === "eq" && typed === "" ? "t" : typed;
    return makeFilters(name, choice, value, to);
  };
  const nothing =
    (choice === "between" && typed === "" && to === "") || (choice === "in" && typed.trim() === "");
  const submit = (event: FormEvent) => {
    event.preventDefault();
    onSave(made());
  };
  return (
    <form className="stack" style={{ gap: 12 }} onSubmit={submit}>
      <NativeSelect
        label="Column"
        autoFocus={focus}
        data={columns.map((one) => ({ value: one.name, label: spelled(one.name) }))}
        value={name}
        onChange={(event) => {
          const next = columns.find((one) => one.name === event.currentTarget.value);
          setName(event.currentTarget.value);
          // What the other column is not asked is not kept, nor what was chosen of its list.
          const choices = next ? choicesFor(next) : [];
          const first = choices[0]?.id ?? "eq";
          if (choice === "in" || first === "in" || !choices.some(({ id }) => id === choice))
            setRead({ choice: "", typed: "" });
        }}
      />
      <NativeSelect
        label="Condition"
        data={(column ? choicesFor(column, choice) : []).map(({ id, label }) => ({ value: id, label }))}
        value={choice}
        onChange={(event) => setRead({ choice: event.currentTarget.value, typed })}
      />
      {needsValue && choice === "in" && few && (
        <ValueList values={few} counts={all} typed={typed} onChange={set} />
      )}
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
      <div className="row spread">
        {onOr ? (
          <Button
            variant="subtle"
            size="xs"
            disabled={nothing || choice === "between"}
            onClick={() => onOr(made())}
          >
            Or…
          </Button>
        ) : (
          <span />
        )}
        <Button type="submit" disabled={nothing}>
          Apply filter
        </Button>
      </div>
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

interface ListProps {
  values: string[];
  /** In how many rows each is found, where that is known of all. */
  counts: KnownValue[] | null;
  typed: string;
  onChange: (typed: string) => void;
}

function ValueList({ values, counts, typed, onChange }: ListProps) {
  const chosen = typedWords(typed).filter(Boolean);
  const all = [...new Set([...values, ...chosen])];
  const rows = new Map(counts?.map((one) => [one.value, one.rows]));
  const toggle = (value: string) => {
    const next = chosen.includes(value) ? chosen.filter((one) => one !== value) : [...chosen, value];
    onChange(next.map((one) => (/[",]/.test(one) ? `"${one.replaceAll('"', '""')}"` : one)).join(", "));
  };
  return (
    <fieldset className="filter-values">
      <legend className="small dim">
        {counts ? "All values of the table" : "Values in the rows that are here"}
      </legend>
      {all.map((value) => (
        <div key={value} className="row spread">
          <Checkbox label={visible(value)} checked={chosen.includes(value)} onChange={() => toggle(value)} />
          {rows.has(value) && <span className="small dim num">{count(rows.get(value) ?? 0)}</span>}
        </div>
      ))}
    </fieldset>
  );
}
