import { Button } from "@mantine/core";
import { useState } from "react";
import { Link, useLocation, useSearchParams } from "wouter";
import { $api, api, type Connection, type Problem, refresh, type TestReport, toProblem } from "../api/client";
import { LIVE, live } from "../api/live";
import { to } from "../routes";
import { Async } from "../ui/Async";
import { Facts } from "../ui/Facts";
import { Notice, ProblemNotice } from "../ui/Notice";
import { PageHeader } from "../ui/PageHeader";
import { TimeAgo } from "../ui/TimeAgo";
import { ConnectionChanges } from "./ConnectionChanges";
import { ConnectionSharing } from "./ConnectionSharing";
import { Encryption, KINDS, LastTest } from "./Connections";
import { ConnectionTest, failedTest, STARTED, stepped, type TestState } from "./ConnectionTest";
import { Courtesy } from "./Courtesy";
import { ImportButton } from "./ImportButton";
import { Passport } from "./Passport";
import { RoleScript } from "./RoleScript";
import { roleAtPooler } from "./supabase";
import { DeleteConnection, UsedBy } from "./UsedBy";

const changed = () =>
  refresh("/api/v1/connections", "/api/v1/connections/{id}", "/api/v1/connections/{id}/passport");

export default function ConnectionEdit({ id }: { id: string }) {
  const connection = $api.useQuery("get", "/api/v1/connections/{id}", { params: { path: { id } } });
  const [search] = useSearchParams();
  const [deleting, setDeleting] = useState(false);
  const [certificate, setCertificate] = useState<string | null>(null);
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
                  <p>Next: look at what it holds, and import a table.</p>
                  <div className="row" style={{ marginTop: 12 }}>
                    <ImportButton connection={data} />
                  </div>
                </Notice>
              </div>
            )}
            <div className="with-aside">
              <div>
                <Identity connection={data} />
                <Test connection={data} onCertificate={() => setCertificate((typed) => typed ?? "")} />
                <ConnectionChanges
                  key={JSON.stringify(data.ca_certificate)}
                  connection={data}
                  certificate={certificate}
                  onCertificate={setCertificate}
                  onSaved={changed}
                />
                <Courtesy key={JSON.stringify(data.limits)} connection={data} onSaved={changed} />
                <ConnectionSharing connection={data} onSaved={changed} />
              </div>
              <aside className="stack" style={{ gap: 32 }}>
                <Passport id={id} />
                <UsedBy id={id} />
                <details className="advanced">
                  <summary>The SQL that makes such a role</summary>
                  <RoleScript
                    kind={data.kind}
                    username={roleAtPooler(data.host, data.username)}
                    database={data.database}
                  />
                </details>
              </aside>
            </div>
            <DeleteConnection
              connection={data}
              opened={deleting}
              onClose={() => setDeleting(false)}
              onDeleted={() => navigate(to.connections)}
            />
          </>
        )}
      </Async>
    </>
  );
}

const mono = (text: string | number) => <span className="mono">{text}</span>;

function Identity({ connection }: { connection: Connection }) {
  return (
    <section>
      <h2 style={{ margin: "0 0 12px" }}>{KINDS[connection.kind]}</h2>
      <Facts
        facts={[
          ["Host", mono(connection.host)],
          ["Port", mono(connection.port)],
          ["Database", mono(connection.database)],
          ["Username", mono(connection.username)],
          ["Traffic", <Encryption key="traffic" encrypted={connection.encrypted} />],
          ["Server", connection.server_version ? `PostgreSQL ${connection.server_version}` : "not known yet"],
          ["Made", <TimeAgo key="made" at={connection.created_at} />],
        ]}
      />
      <p className="dim small text">
        Host, port, database and username are what this connection is, so they cannot be changed. To read
        another database, make a new connection.
      </p>
    </section>
  );
}

function Test({ connection, onCertificate }: { connection: Connection; onCertificate: () => void }) {
  const [test, setTest] = useState<TestState | null>(null);
  const [problem, setProblem] = useState<Problem | null>(null);
  const run = async () => {
    setProblem(null);
    setTest(STARTED);
    try {
      const path = { id: connection.id };
      const report = await live<TestReport>(
        api.POST("/api/v1/connections/{id}/test", { params: { path }, ...LIVE }),
        (step) => setTest((before) => stepped(before, step)),
      );
      setTest({ running: false, ...report });
    } catch (error) {
      const shown = toProblem(error);
      const failed = failedTest(shown);
      setTest(failed);
      setProblem(failed ? null : shown);
    }
    await changed();
  };
  return (
    <section className="section stack" aria-labelledby="test">
      <div className="row spread">
        <div>
          <h2 id="test" style={{ margin: 0 }}>
            Test
          </h2>
          <div className="dim">
            Last test: <LastTest connection={connection} />
          </div>
        </div>
        <Button variant="default" onClick={run} loading={test?.running ?? false}>
          Test again
        </Button>
      </div>
      {test && <ConnectionTest test={test} host={connection.host} onCertificate={onCertificate} />}
      {problem && (
        <ProblemNotice problem={problem} tone={problem.code === "too_many_requests" ? "warning" : "danger"} />
      )}
    </section>
  );
}
