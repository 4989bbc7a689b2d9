import { Button, TextInput } from "@mantine/core";
import { type FormEvent, useState } from "react";
import { answer, api, type Connection, type Limits, type Problem, toProblem } from "../api/client";
import { count } from "../ui/format";
import { ProblemNotice } from "../ui/Notice";

const MB = 1_000_000;

type Typed = Record<keyof Limits, string>;

interface Field {
  name: keyof Limits;
  label: string;
  description: string;
  least: number;
  most: number;
  whole: boolean;
}

const FIELDS: Field[] = [
  {
    name: "bytes_per_second",
    label: "MB per second",
    description: "All imports through this connection together.",
    least: 0.01,
    most: 1_000_000,
    whole: false,
  },
  {
    name: "imports",
    label: "Imports at a time",
    description: "Further ones wait for their turn.",
    least: 1,
    most: 64,
    whole: true,
  },
  {
    name: "minutes",
    label: "Longest import in minutes",
    description: "One that takes longer is stopped; the table keeps what it held.",
    least: 1,
    most: 1440,
    whole: true,
  },
];

const CONNECTIONS = { least: 1, most: 8, whole: true };

const typedOf = ({ bytes_per_second, imports, minutes }: Limits): Typed => ({
  bytes_per_second: bytes_per_second === null ? "" : String(bytes_per_second / MB),
  imports: String(imports ?? ""),
  minutes: String(minutes ?? ""),
});

/** A ceiling that was typed: null for none, undefined for what is no ceiling. */
export function ceiling(text: string, { least, most, whole }: Pick<Field, "least" | "most" | "whole">) {
  const typed = text.trim();
  if (typed === "") return null;
  const number = /^\d+(\.\d+)?$/.test(typed) ? Number(typed) : Number.NaN;
  const fits = number >= least && number <= most && (!whole || Number.isInteger(number));
  return fits ? number : undefined;
}

/** How much of the database Mycorr may take. */
export function Courtesy({
  connection,
  onSaved,
}: {
  connection: Connection;
  onSaved: () => Promise<unknown>;
}) {
  const stored = typedOf(connection.limits);
  const [typed, setTyped] = useState(stored);
  const storedConnections = String(connection.max_connections);
  const [typedConnections, setTypedConnections] = useState(storedConnections);
  const connections = ceiling(typedConnections, CONNECTIONS) ?? undefined;
  const [busy, setBusy] = useState(false);
  const [problem, setProblem] = useState<Problem | null>(null);
  const values = FIELDS.map((field) => ceiling(typed[field.name], field));
  const [rate, imports, minutes] = values;
  const dirty =
    FIELDS.some(({ name }) => typed[name].trim() !== stored[name]) ||
    typedConnections.trim() !== storedConnections;
  const submit = async (event: FormEvent) => {
    event.preventDefault();
    if (rate === undefined || imports === undefined || minutes === undefined || connections === undefined)
      return;
    setBusy(true);
    setProblem(null);
    try {
      const bytes_per_second = rate === null ? null : Math.round(rate * MB);
      await answer(
        api.PATCH("/api/v1/connections/{id}", {
          params: { path: { id: connection.id } },
          body: { limits: { bytes_per_second, imports, minutes }, max_connections: connections },
        }),
      );
      await onSaved();
    } catch (error) {
      setProblem(toProblem(error));
    }
    setBusy(false);
  };
  const told = (name: string) =>
    problem?.fields?.find(({ field }) => field === name || field === `limits.${name}`)?.message;
  return (
    <section className="section">
      <h2 style={{ marginBottom: 4 }}>Courtesy</h2>
      <p className="dim text" style={{ margin: "0 0 12px" }}>
        How much of the database an import may take. Empty means no ceiling.
      </p>
      <form className="stack form" onSubmit={submit} noValidate aria-label="Courtesy">
        {FIELDS.map(({ name, label, description, least, most, whole }, at) => (
          <TextInput
            key={name}
            label={label}
            description={description}
            placeholder="no ceiling"
            inputMode={whole ? "numeric" : "decimal"}
            autoComplete="off"
            value={typed[name]}
            onChange={(event) => setTyped({ ...typed, [name]: event.currentTarget.value })}
            error={
              told(name) ??
              (values[at] === undefined &&
                `${whole ? "A whole number" : "A number"} from ${least} to ${count(most)}, or nothing.`)
            }
          />
        ))}
        <TextInput
          label="Connections of one import"
          description="Parts of a table are read side by side, all as of one moment. With more than one, the table passes through the server's cache and pushes other tables out of it; one connection leaves the cache as it is. Each takes a place and a processor at the server."
          inputMode="numeric"
          autoComplete="off"
          value={typedConnections}
          onChange={(event) => setTypedConnections(event.currentTarget.value)}
          error={told("max_connections") ?? (connections === undefined && "A whole number from 1 to 8.")}
        />
        {problem && ![...FIELDS.map(({ name }) => name), "max_connections"].some(told) && (
          <ProblemNotice problem={problem} />
        )}
        <div>
          <Button
            type="submit"
            variant="default"
            loading={busy}
            disabled={!dirty || values.includes(undefined) || connections === undefined}
          >
            Save the ceilings
          </Button>
        </div>
      </form>
    </section>
  );
}
