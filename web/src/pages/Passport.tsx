import { Button } from "@mantine/core";
import { useState } from "react";
import { $api, answer, api, queryClient, type Passport as Rights, toProblem } from "../api/client";
import { Async } from "../ui/Async";
import { Code } from "../ui/Copy";
import { plural } from "../ui/format";
import { Notice, ProblemNotice, ToneIcon } from "../ui/Notice";
import { TimeAgo } from "../ui/TimeAgo";
import { Name, visible } from "../ui/Visible";

/** The passport as it was seen last; asking for it sends nothing to the database. */
export const passportOf = (id: string) =>
  $api.queryOptions("get", "/api/v1/connections/{id}/passport", { params: { path: { id } } });

/** What the role of a saved connection may do, and a way to look again. */
export function Passport({ id }: { id: string }) {
  const passport = $api.useQuery("get", "/api/v1/connections/{id}/passport", { params: { path: { id } } });
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState<unknown>();
  const check = async () => {
    setBusy(true);
    setError(undefined);
    try {
      const seen = await answer(api.POST("/api/v1/connections/{id}/passport", { params: { path: { id } } }));
      queryClient.setQueryData(passportOf(id).queryKey, seen);
    } catch (problem) {
      setError(problem);
    }
    setBusy(false);
  };
  const at = passport.data?.checked_at;
  return (
    <section className="stack" aria-labelledby="passport">
      <div className="row spread">
        <div>
          <h2 id="passport" style={{ margin: 0 }}>
            What the role may do
          </h2>
          {passport.data && (
            <div className="dim">
              {at ? (
                <>
                  Checked <TimeAgo at={at} />
                </>
              ) : (
                "Not checked yet"
              )}
            </div>
          )}
        </div>
        <Button variant="default" onClick={check} loading={busy}>
          {at ? "Check again" : "Check now"}
        </Button>
      </div>
      {error !== undefined && <ProblemNotice problem={toProblem(error)} />}
      <Async query={passport}>
        {(data) =>
          data.checked_at ? (
            <PassportRights passport={data} />
          ) : (
            <p className="dim text" style={{ margin: 0 }}>
              A check asks the database what the role may read, what it may not, and whether it may do more
              than read. It is repeated at every sync.
            </p>
          )
        }
      </Async>
    </section>
  );
}

/** `What 2 schemas hold: 12 of 14 tables.` */
export function PassportSummary({ passport }: { passport: Pick<Rights, "schemas" | "excess"> }) {
  const { schemas, excess } = passport;
  const open = schemas.filter((schema) => schema.usage);
  const readable = open.reduce((sum, schema) => sum + schema.readable, 0);
  const tables = schemas.reduce((sum, schema) => sum + schema.tables, 0);
  return (
    <p>
      The role can read{" "}
      {readable === tables ? plural(tables, "table") : `${readable} of ${plural(tables, "table")}`} in{" "}
      {plural(open.length, "schema")}
      {excess.length > 0 && ", and may do more than read"}.
    </p>
  );
}

export function PassportRights({ passport }: { passport: Rights }) {
  const { schemas, excess, denied, changes } = passport;
  const nothing = !schemas.some((schema) => schema.usage && schema.readable > 0);
  return (
    <>
      {nothing && schemas.length > 0 && (
        <Notice tone="warning" title="The role can read no table">
          <p>
            Nothing can be imported through this connection until it may. Run the SQL below, then check again.
          </p>
        </Notice>
      )}
      {excess.length > 0 && (
        <Notice tone="warning" title="The role may do more than read">
          <ul className="rights">
            {excess.map(({ what, revoke }) => (
              <li key={what}>
                {visible(what)}
                {revoke && <Code text={revoke} label="REVOKE" />}
              </li>
            ))}
          </ul>
        </Notice>
      )}
      {denied.length > 0 && (
        <Notice tone="info" title="The server keeps a part of its catalogue from the role">
          <p>What depends on it is unknown. Tables can be imported all the same.</p>
          <details className="advanced">
            <summary>What opens it</summary>
            <Code text={denied.map(({ grant }) => grant).join("\n")} label="GRANT" />
          </details>
        </Notice>
      )}
      {schemas.length === 0 ? (
        <Notice tone="warning" title="The role sees no schema">
          <p>It needs USAGE on those that are to be read. The SQL for it is below.</p>
        </Notice>
      ) : (
        <ul className="schemas">
          {schemas.map((schema) => (
            <SchemaRights key={schema.name} schema={schema} shut={nothing} />
          ))}
        </ul>
      )}
      {excess.length === 0 && denied.length === 0 && (
        <div>
          <ToneIcon tone="success" /> It may do nothing beyond reading.
        </div>
      )}
      {changes.length > 0 && (
        <div>
          <h3 style={{ margin: "0 0 4px" }}>Changes noticed</h3>
          <ul className="changes">
            {changes.map(({ at, what }) => (
              <li key={`${at} ${what}`}>
                <span className="dim small">
                  <TimeAgo at={at} />
                </span>
                <span>{visible(what)}</span>
              </li>
            ))}
          </ul>
        </div>
      )}
    </>
  );
}

function sentence({ usage, tables, readable }: Rights["schemas"][number]): string {
  if (!usage) return "is shut: the role has no USAGE on it.";
  if (tables === 0) return "holds no tables.";
  if (readable < tables) return `lets it read ${readable} of ${plural(tables, "table")}.`;
  return tables === 1 ? "lets it read its one table." : `lets it read all ${plural(tables, "table")}.`;
}

/** `shut`: nothing at all can be read, so what opens it is in sight. Else it is only an offer. */
function SchemaRights({ schema, shut }: { schema: Rights["schemas"][number]; shut: boolean }) {
  const { name, usage, readable, row_security, grant } = schema;
  const all = usage && readable === schema.tables;
  return (
    <li>
      <div>
        <ToneIcon tone={all ? "success" : shut ? "warning" : "info"} label={all ? "open" : "partly shut"} />{" "}
        <strong>
          <Name text={name} />
        </strong>{" "}
        {sentence(schema)}
      </div>
      {row_security > 0 && (
        <div className="dim">
          Row-level security: the role may see only some of the rows of {plural(row_security, "table")}.
        </div>
      )}
      {grant && (
        <details className="advanced" open={shut}>
          <summary>{usage ? "Open the rest" : "Open it"}</summary>
          <Code text={grant} label="GRANT" />
        </details>
      )}
    </li>
  );
}
