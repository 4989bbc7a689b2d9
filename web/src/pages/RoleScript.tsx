import { TextInput } from "@mantine/core";
import { useDebouncedValue } from "@mantine/hooks";
import { keepPreviousData } from "@tanstack/react-query";
import { useState } from "react";
import { $api } from "../api/client";
import { Async } from "../ui/Async";
import { Code } from "../ui/Copy";

/** The SQL that makes the read-only role, with the names that are being typed. */
export function RoleScript({ username, database }: { username: string; database: string }) {
  const [schemas, setSchemas] = useState("public");
  const [typed] = useDebouncedValue({ username, database, schemas }, 300);
  const script = $api.useQuery(
    "get",
    "/api/v1/connections/role-script",
    {
      params: {
        query: {
          kind: "postgresql",
          username: typed.username || undefined,
          database: typed.database || undefined,
          schemas: typed.schemas || undefined,
        },
      },
    },
    { placeholderData: keepPreviousData, staleTime: Number.POSITIVE_INFINITY },
  );
  return (
    <section className="stack">
      <div>
        <h2 style={{ margin: 0 }}>A role that can only read</h2>
        <p className="dim text" style={{ margin: "4px 0 0" }}>
          Run this as an administrator of the database. Mycorr only ever needs SELECT; a role of its own makes
          sure of it.
        </p>
      </div>
      <TextInput
        className="form"
        label="Schemas to read"
        description="Separated by commas."
        spellCheck={false}
        autoComplete="off"
        value={schemas}
        onChange={(event) => setSchemas(event.currentTarget.value)}
      />
      <Async query={script}>{({ sql }) => <Code text={sql} label="SQL" />}</Async>
    </section>
  );
}
