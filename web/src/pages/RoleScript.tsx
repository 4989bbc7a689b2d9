import { ActionIcon, Button, TextInput, Tooltip } from "@mantine/core";
import { useDebouncedValue } from "@mantine/hooks";
import { keepPreviousData } from "@tanstack/react-query";
import { Download, Plus, X } from "lucide-react";
import { useId, useState } from "react";
import { $api, answer, api, type Connection, toProblem } from "../api/client";
import { Async } from "../ui/Async";
import { Code, CopyButton } from "../ui/Copy";
import { downloadText } from "../ui/download";
import { ProblemNotice } from "../ui/Notice";

const READER = "mycorr_reader";

interface Props {
  kind: Connection["kind"];
  /** The role's own name, without what a pooler wants behind it. */
  username: string;
  database: string;
  /** Takes a generated password, and the name of the role that it is for. Left out: the role is there already. */
  onPassword?: (password: string, username: string) => void;
}

interface Made {
  /** What it was made for; other names need another one. */
  key: string;
  password: string;
  sql: string;
  handout: string;
}

/** The SQL that makes the read-only role, with the names that are being typed; and the same as a page for a DBA. */
export function RoleScript({ kind, username, database, onPassword }: Props) {
  const [schemas, setSchemas] = useState(["public"]);
  const [made, setMade] = useState<Made | null>(null);
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState<unknown>();
  const wanted = [...new Set(schemas.map((schema) => schema.trim()).filter(Boolean))];
  const role = username.trim() || READER;
  const [typed] = useDebouncedValue({ role, database, schemas: wanted.join(",") }, 300);
  const script = $api.useQuery(
    "get",
    "/api/v1/connections/role-script",
    {
      params: {
        query: {
          kind,
          username: typed.role,
          database: typed.database || undefined,
          schemas: typed.schemas || undefined,
        },
      },
    },
    { placeholderData: keepPreviousData, staleTime: Number.POSITIVE_INFINITY },
  );
  const key = JSON.stringify([role, database, wanted]);
  const current = made?.key === key ? made : null;
  const make = async () => {
    setBusy(true);
    setError(undefined);
    try {
      const body = { kind, username: role, database: database || undefined, schemas: wanted };
      const { password, sql, handout } = await answer(api.POST("/api/v1/connections/role-script", { body }));
      setMade({ key, password, sql, handout });
      onPassword?.(password, role);
    } catch (problem) {
      setError(problem);
    }
    setBusy(false);
  };
  return (
    <section className="stack" aria-labelledby="role-script">
      <div>
        <h2 id="role-script" style={{ margin: 0 }}>
          A role that can only read
        </h2>
        <p className="dim text" style={{ margin: "4px 0 0" }}>
          Run this as an administrator of the database. Mycorr only ever needs SELECT; a role of its own makes
          sure of it.
        </p>
      </div>
      <Schemas schemas={schemas} onChange={setSchemas} />
      {onPassword && (
        <div className="stack" style={{ gap: 8 }}>
          <div className="row">
            <Button variant="default" onClick={make} loading={busy}>
              {current ? "Make another password" : "Make a password"}
            </Button>
            {current && <Password text={current.password} />}
          </div>
          <p className="dim small text" style={{ margin: 0 }} role="status">
            {current
              ? "It stands in the form, too, and is not shown again once you leave. The SQL holds a verifier of it and not the password, so it can be sent on."
              : made
                ? "The names have changed since the password was made: make another one, or use the SQL with your own."
                : "Strong, and filled into the form. The SQL then holds only its verifier, so that it can be sent on."}
          </p>
        </div>
      )}
      {error !== undefined && <ProblemNotice problem={toProblem(error)} />}
      {current ? (
        <Texts texts={current} role={role} />
      ) : (
        <Async query={script}>{({ sql }) => <Code text={sql} label="SQL" />}</Async>
      )}
    </section>
  );
}

function Schemas({ schemas, onChange }: { schemas: string[]; onChange: (schemas: string[]) => void }) {
  const id = useId();
  const put = (at: number, name: string) => onChange(schemas.toSpliced(at, 1, name));
  return (
    <fieldset className="schema-names">
      <legend>Schemas to read</legend>
      {schemas.map((schema, at) => (
        // biome-ignore lint/suspicious/noArrayIndexKey: a field is known by its place while it is typed in
        <div key={at} className="row" style={{ flexWrap: "nowrap" }}>
          <TextInput
            id={`${id}-${at}`}
            style={{ flex: 1 }}
            aria-label={`Schema ${at + 1}`}
            spellCheck={false}
            autoComplete="off"
            value={schema}
            onChange={(event) => put(at, event.currentTarget.value)}
            onKeyDown={(event) => {
              if (event.key !== "Enter") return;
              // The form around it is not meant.
              event.preventDefault();
              onChange([...schemas, ""]);
            }}
            autoFocus={at > 0 && schema === ""}
          />
          {schemas.length > 1 && (
            <Tooltip label="Leave it out">
              <ActionIcon
                variant="subtle"
                color="gray"
                size={32}
                aria-label={`Leave out ${schema || `schema ${at + 1}`}`}
                onClick={() => {
                  onChange(schemas.toSpliced(at, 1));
                  document.getElementById(`${id}-${Math.max(0, at - 1)}`)?.focus();
                }}
              >
                <X size={16} />
              </ActionIcon>
            </Tooltip>
          )}
        </div>
      ))}
      <Button
        variant="subtle"
        size="xs"
        leftSection={<Plus size={14} />}
        onClick={() => onChange([...schemas, ""])}
        disabled={schemas.at(-1) === ""}
      >
        Another schema
      </Button>
    </fieldset>
  );
}

function Password({ text }: { text: string }) {
  const [shown, setShown] = useState(false);
  return (
    <div className="row">
      <span className="mono made-password">
        <span className="visually-hidden">The password: </span>
        {shown ? text : "•".repeat(12)}
      </span>
      <Button variant="subtle" size="xs" onClick={() => setShown(!shown)} aria-pressed={shown}>
        {shown ? "Hide" : "Reveal"}
      </Button>
      <CopyButton text={text} label="Copy the password" />
    </div>
  );
}

/** Two forms of one thing, so it is a choice and not two pages. */
function Texts({ texts, role }: { texts: Made; role: string }) {
  const [form, setForm] = useState<"sql" | "handout">("sql");
  const text = texts[form];
  return (
    <div>
      <div className="row spread">
        <div className="switch" role="group" aria-label="Shown as">
          {(["sql", "handout"] as const).map((one) => (
            <button key={one} type="button" aria-pressed={form === one} onClick={() => setForm(one)}>
              {one === "sql" ? "SQL" : "For your DBA"}
            </button>
          ))}
        </div>
        <Button
          variant="default"
          size="xs"
          leftSection={<Download size={14} />}
          onClick={() => downloadText(form === "sql" ? `${role}.sql.txt` : `${role} for the DBA.txt`, text)}
        >
          Download .txt
        </Button>
      </div>
      <Code text={text} label={form === "sql" ? "SQL" : "page for the DBA"} />
    </div>
  );
}
