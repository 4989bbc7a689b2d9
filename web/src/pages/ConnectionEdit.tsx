import { Button, PasswordInput, TextInput } from "@mantine/core";
import { type FormEvent, useState } from "react";
import { Link, useLocation, useSearchParams } from "wouter";
import { $api, answer, api, type Connection, type Problem, refresh, toProblem } from "../api/client";
import { to } from "../routes";
import { Async } from "../ui/Async";
import { Confirm } from "../ui/Confirm";
import { dateTime, plural } from "../ui/format";
import { Notice, ProblemNotice } from "../ui/Notice";
import { PageHeader } from "../ui/PageHeader";
import { SecretField } from "../ui/SecretField";
import { TimeAgo } from "../ui/TimeAgo";
import { CaCertificateField } from "./ConnectionForm";
import { Encryption, KINDS, LastTest } from "./Connections";
import { ConnectionTest, failedTest, type TestState } from "./ConnectionTest";
import { RoleScript } from "./RoleScript";

const changed = () => refresh("/api/v1/connections", "/api/v1/connections/{id}");

export default function ConnectionEdit({ id }: { id: string }) {
  const connection = $api.useQuery("get", "/api/v1/connections/{id}", { params: { path: { id } } });
  const [search] = useSearchParams();
  const [deleting, setDeleting] = useState(false);
  const [, navigate] = useLocation();
  return (
    <>
      <PageHeader
        title={connection.data?.name ?? "Connection"}
        parent={{ label: "Connections", to: to.connections }}
      >
        {connection.data && (
          <>
            <Button variant="default" component={Link} to={to.statements(id)}>
              Statements
            </Button>
            <Button variant="default" c="var(--danger)" onClick={() => setDeleting(true)}>
              Delete
            </Button>
          </>
        )}
      </PageHeader>
      <Async query={connection}>
        {(data) => (
          <>
            {search.has("saved") && (
              <div style={{ marginBottom: 24 }}>
                <Notice tone="success" title="Tested and saved">
                  <p>
                    Next: open a{" "}
                    <Link className="link" to={to.models}>
                      Model
                    </Link>{" "}
                    and import a table.
                  </p>
                </Notice>
              </div>
            )}
            <div className="with-aside">
              <div>
                <Identity connection={data} />
                <Test connection={data} />
                <Changes key={JSON.stringify(data.ca_certificate)} connection={data} />
              </div>
              <RoleScript username={data.username} database={data.database} />
            </div>
            <Confirm
              opened={deleting}
              onClose={() => setDeleting(false)}
              title="Delete connection"
              action="Delete connection"
              typed={data.name}
              danger
              run={async () => {
                await answer(api.DELETE("/api/v1/connections/{id}", { params: { path: { id } } }));
                navigate(to.connections);
                await refresh("/api/v1/connections", "/api/v1/tables/{id}", "/api/v1/models/{id}/tables");
              }}
            >
              The stored password, the certificate and the list of statements are removed for good.
              {data.used_by > 0 &&
                ` The ${plural(data.used_by, "table")} imported through it stay${data.used_by === 1 ? "s" : ""}, and can no longer be synced.`}
            </Confirm>
          </>
        )}
      </Async>
    </>
  );
}

function Identity({ connection }: { connection: Connection }) {
  return (
    <section>
      <h2 style={{ margin: "0 0 12px" }}>{KINDS[connection.kind]}</h2>
      <dl className="facts">
        <dt>Host</dt>
        <dd className="mono">{connection.host}</dd>
        <dt>Port</dt>
        <dd className="mono">{connection.port}</dd>
        <dt>Database</dt>
        <dd className="mono">{connection.database}</dd>
        <dt>Username</dt>
        <dd className="mono">{connection.username}</dd>
        <dt>Traffic</dt>
        <dd>
          <Encryption encrypted={connection.encrypted} />
        </dd>
        <dt>Server</dt>
        <dd>{connection.server_version ? `PostgreSQL ${connection.server_version}` : "not known yet"}</dd>
        <dt>Used by</dt>
        <dd>{plural(connection.used_by, "table")}</dd>
        <dt>Made</dt>
        <dd>
          <TimeAgo at={connection.created_at} />
        </dd>
      </dl>
      <p className="dim small text">
        Host, port, database and username are what this connection is, so they cannot be changed. To read
        another database, make a new connection.
      </p>
    </section>
  );
}

function Test({ connection }: { connection: Connection }) {
  const [test, setTest] = useState<TestState | null>(null);
  const [problem, setProblem] = useState<Problem | null>(null);
  const run = async () => {
    setProblem(null);
    setTest({ running: true, encrypted: connection.encrypted });
    try {
      const path = { id: connection.id };
      const report = await answer(api.POST("/api/v1/connections/{id}/test", { params: { path } }));
      setTest({ running: false, steps: report.steps, problem: report.problem, server: report.server });
    } catch (error) {
      setTest(null);
      setProblem(toProblem(error));
    }
    await changed();
  };
  return (
    <section className="section stack">
      <div className="row spread">
        <div>
          <h2 style={{ margin: 0 }}>Test</h2>
          <div className="dim">
            Last test: <LastTest connection={connection} />
          </div>
        </div>
        <Button variant="default" onClick={run} loading={test?.running ?? false}>
          Test again
        </Button>
      </div>
      {test && <ConnectionTest test={test} />}
      {problem && <ProblemNotice problem={problem} />}
    </section>
  );
}

/** The name and the two secrets. What is null stays as it is. */
function Changes({ connection }: { connection: Connection }) {
  const [name, setName] = useState(connection.name);
  const [password, setPassword] = useState<string | null>(null);
  const [certificate, setCertificate] = useState<string | null>(null);
  const [removing, setRemoving] = useState(false);
  const [busy, setBusy] = useState(false);
  const [saved, setSaved] = useState(false);
  const [problem, setProblem] = useState<Problem | null>(null);
  const ca = connection.ca_certificate;
  const secrets = password !== null || certificate !== null || removing;
  const dirty = secrets || name.trim() !== connection.name;
  const fieldError = (field: string) => problem?.fields?.find((one) => one.field === field)?.message;
  const test = problem && failedTest(problem);

  const submit = async (event: FormEvent) => {
    event.preventDefault();
    setBusy(true);
    setProblem(null);
    setSaved(false);
    try {
      await answer(
        api.PATCH("/api/v1/connections/{id}", {
          params: { path: { id: connection.id } },
          body: {
            ...(name.trim() !== connection.name && { name: name.trim() }),
            ...(password !== null && { password }),
            ...(certificate !== null && { ca_certificate: certificate }),
            ...(removing && { ca_certificate: null }),
          },
        }),
      );
      setPassword(null);
      setCertificate(null);
      setRemoving(false);
      setSaved(true);
      await changed();
    } catch (error) {
      setProblem(toProblem(error));
    }
    setBusy(false);
  };

  return (
    <section className="section">
      <h2>Change</h2>
      <form className="stack form" onSubmit={submit} noValidate aria-label="Change the connection">
        <TextInput
          label="Name"
          value={name}
          onChange={(event) => setName(event.currentTarget.value)}
          error={fieldError("name")}
        />
        <SecretField
          label="Password"
          stored={<span>Set. It cannot be shown.</span>}
          value={password}
          onChange={setPassword}
        >
          <PasswordInput
            label="New password"
            description="Tested before it replaces the stored one."
            autoComplete="new-password"
            autoFocus
            value={password ?? ""}
            onChange={(event) => setPassword(event.currentTarget.value)}
            error={fieldError("password")}
          />
        </SecretField>
        {connection.encrypted && (
          <SecretField
            label="Custom CA certificate"
            stored={
              removing ? (
                <span>Will be removed. The public trust store then decides.</span>
              ) : ca ? (
                <div>
                  {ca.subject}
                  <div className="dim small">
                    until {dateTime(ca.not_after)}
                    <br />
                    SHA-256 <span className="mono">{ca.sha256}</span>
                  </div>
                </div>
              ) : (
                <span>None. The public trust store decides.</span>
              )
            }
            value={certificate}
            onChange={(value) => {
              setRemoving(false);
              setCertificate(value);
            }}
            actions={
              ca && (
                <Button variant="default" size="xs" onClick={() => setRemoving(!removing)}>
                  {removing ? "Keep" : "Remove"}
                </Button>
              )
            }
          >
            <CaCertificateField
              value={certificate ?? ""}
              onChange={setCertificate}
              error={fieldError("ca_certificate")}
            />
          </SecretField>
        )}
        {test ? <ConnectionTest test={test} /> : problem && <ProblemNotice problem={problem} />}
        <div className="row">
          <Button
            type="submit"
            loading={busy}
            disabled={!dirty || name.trim() === "" || password === "" || certificate === ""}
          >
            {secrets ? "Test and save" : "Save"}
          </Button>
          <span role="status">{saved && !dirty && "Saved."}</span>
        </div>
      </form>
    </section>
  );
}
