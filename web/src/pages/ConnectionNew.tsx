import { Button } from "@mantine/core";
import { useForm } from "@mantine/form";
import { Database } from "lucide-react";
import { type ClipboardEvent, useState } from "react";
import { Link, useLocation, useSearchParams } from "wouter";
import { answer, api, type Problem, refresh, toProblem } from "../api/client";
import { to } from "../routes";
import { showProblem } from "../ui/form";
import { Notice, ProblemNotice } from "../ui/Notice";
import { PageHeader } from "../ui/PageHeader";
import {
  CaCertificateField,
  CHECKS,
  ConnectionFields,
  type ConnectionValues,
  EMPTY,
  isConnectionString,
  toRequest,
} from "./ConnectionForm";
import { ConnectionTest, failedTest, type TestState } from "./ConnectionTest";
import { RoleScript } from "./RoleScript";

export default function ConnectionNew() {
  const [search] = useSearchParams();
  const parent = { label: "Connections", to: to.connections };
  if (search.get("kind") === "postgresql") {
    return (
      <>
        <PageHeader title="New PostgreSQL connection" parent={parent} />
        <Details />
      </>
    );
  }
  return (
    <>
      <PageHeader title="New connection" parent={parent} />
      <p className="text">What kind of database is it?</p>
      <div className="cards">
        <Link className="choice" to={`${to.newConnection}?kind=postgresql`}>
          <h2>
            <Database size={18} aria-hidden className="icon" />
            PostgreSQL
          </h2>
          <p>Any server that speaks PostgreSQL: RDS, Cloud SQL, Heroku, Neon, Crunchy Bridge, self-hosted.</p>
        </Link>
      </div>
    </>
  );
}

function Details() {
  const [, navigate] = useLocation();
  const [test, setTest] = useState<TestState | null>(null);
  const [problem, setProblem] = useState<Problem | null>(null);
  const [busy, setBusy] = useState<"save" | "test" | null>(null);
  const [advanced, setAdvanced] = useState(false);
  const [warnings, setWarnings] = useState<string[] | null>(null);
  const form = useForm<ConnectionValues>({ initialValues: EMPTY, validate: CHECKS });

  const failed = (error: unknown) => {
    const shown = showProblem(form, error);
    const steps = shown && failedTest(shown);
    setTest(steps);
    setProblem(steps ? null : shown);
    if (shown?.code.startsWith("certificate") || shown?.code === "ca_certificate_invalid") setAdvanced(true);
  };
  // A connection string, wherever it is pasted, goes into the fields; its password is not left in sight.
  const onPaste = async (event: ClipboardEvent) => {
    const text = event.clipboardData.getData("text/plain");
    if (event.target instanceof HTMLTextAreaElement || !isConnectionString(text)) return;
    event.preventDefault();
    setProblem(null);
    try {
      const read = await answer(api.POST("/api/v1/connections/parse", { body: { text } }));
      form.setValues({
        ...(read.host !== null && { host: read.host }),
        ...(read.port !== null && { port: String(read.port) }),
        ...(read.database !== null && { database: read.database }),
        ...(read.username !== null && { username: read.username }),
        ...(read.password !== null && { password: read.password }),
        encrypted: read.encrypted,
      });
      form.clearErrors();
      setWarnings(read.warnings);
    } catch (error) {
      setWarnings(null);
      setProblem(toProblem(error));
    }
  };
  const start = (what: "save" | "test", values: ConnectionValues) => {
    setBusy(what);
    setProblem(null);
    setTest({ running: true, encrypted: values.encrypted });
  };
  const save = form.onSubmit(async (values) => {
    start("save", values);
    try {
      const connection = await answer(api.POST("/api/v1/connections", { body: toRequest(values) }));
      await refresh("/api/v1/connections");
      navigate(`${to.connection(connection.id)}?saved=1`);
    } catch (error) {
      failed(error);
      setBusy(null);
    }
  });
  const testOnly = form.onSubmit(async (values) => {
    start("test", values);
    try {
      const report = await answer(api.POST("/api/v1/connections/test", { body: toRequest(values) }));
      setTest({ running: false, steps: report.steps, problem: report.problem, server: report.server });
    } catch (error) {
      failed(error);
    }
    setBusy(null);
  });

  return (
    <div className="with-aside">
      <form className="stack form" onSubmit={save} onPaste={onPaste} noValidate aria-label="Connection">
        {warnings ? (
          <Notice tone={warnings.length > 0 ? "warning" : "success"} title="Filled in from what you pasted">
            {warnings.map((warning) => (
              <p key={warning}>{warning}</p>
            ))}
          </Notice>
        ) : (
          <p className="dim" style={{ margin: 0 }}>
            Paste a connection string into any field, and its parts go where they belong.
          </p>
        )}
        <ConnectionFields form={form} />
        <details
          className="advanced"
          open={advanced}
          onToggle={(event) => setAdvanced(event.currentTarget.open)}
        >
          <summary>Advanced</summary>
          {form.values.encrypted ? (
            <CaCertificateField
              value={form.values.ca_certificate}
              onChange={(value) => form.setFieldValue("ca_certificate", value)}
              error={form.errors.ca_certificate}
            />
          ) : (
            <p className="dim">A CA certificate has no use without encryption.</p>
          )}
        </details>
        {test && <ConnectionTest test={test} />}
        {problem && <ProblemNotice problem={problem} />}
        <div className="row">
          <Button type="submit" loading={busy === "save"} disabled={busy === "test"}>
            Test and save
          </Button>
          <Button
            variant="default"
            onClick={() => testOnly()}
            loading={busy === "test"}
            disabled={busy === "save"}
          >
            Test only
          </Button>
          <Button variant="subtle" component={Link} to={to.connections}>
            Cancel
          </Button>
        </div>
      </form>
      <aside className="stack">
        <RoleScript username={form.values.username} database={form.values.database} />
        <Providers />
      </aside>
    </div>
  );
}

/** Where each provider shows the details. */
function Providers() {
  return (
    <section>
      <h2 style={{ margin: "8px 0 4px" }}>Where the details are</h2>
      <ul className="plain text">
        <li>
          <strong>AWS RDS, Aurora</strong>: RDS console, your instance, Connectivity &amp; security. Endpoint
          is the host.
        </li>
        <li>
          <strong>Google Cloud SQL</strong>: your instance, Connections. Public IP is the host; let Mycorr's
          address in.
        </li>
        <li>
          <strong>Heroku</strong>: <code className="mono">heroku config:get DATABASE_URL</code> prints
          postgres://user:password@host:port/database.
        </li>
        <li>
          <strong>Neon, Crunchy Bridge, Render</strong>: the connection string on the project's dashboard has
          the same parts.
        </li>
        <li>
          <strong>Self-hosted</strong>: what you set in postgresql.conf and pg_hba.conf.
        </li>
      </ul>
      <p className="dim text">
        The host has to be reachable from where Mycorr runs. Private addresses are refused unless the operator
        allows them.
      </p>
    </section>
  );
}
