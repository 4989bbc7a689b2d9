// The form of a new connection: fields, a test that runs in sight, and beside it what helps to fill them in.
import { Button } from "@mantine/core";
import { useForm } from "@mantine/form";
import { useEffect, useEffectEvent, useRef, useState } from "react";
import { Link, useLocation } from "wouter";
import {
  answer,
  api,
  type Connection,
  type Problem,
  refresh,
  type TestReport,
  toProblem,
} from "../api/client";
import { LIVE, live } from "../api/live";
import { to } from "../routes";
import { readDraft, useDraft } from "../ui/draft";
import { showProblem } from "../ui/form";
import { Notice, ProblemNotice } from "../ui/Notice";
import {
  CaCertificateField,
  CHECKS,
  ConnectionFields,
  type ConnectionValues,
  EMPTY,
  isConnectionString,
  type Kind,
  toRequest,
} from "./ConnectionForm";
import { Needs, Providers } from "./ConnectionHelp";
import { ConnectionTest, failedTest, STARTED, stepped, type TestState } from "./ConnectionTest";
import { isPem, nameFor, takePasted, usePasteAnywhere } from "./pasted";
import { RoleScript } from "./RoleScript";
import { projectOf, SupabaseFields } from "./SupabaseFields";
import { clusterOf, filledFrom, NO_PROJECT, roleOf, usernameOf } from "./supabase";

const START: Record<Kind, ConnectionValues> = {
  postgresql: EMPTY,
  supabase: { ...EMPTY, database: "postgres", username: "postgres" },
};

/** All but the password outlives a reload. */
interface Draft {
  values: Omit<ConnectionValues, "password">;
  project: typeof NO_PROJECT;
}

/** `model`: whose Import tab it was asked for from, and leads back to. */
export function ConnectionDetails({ kind, model }: { kind: Kind; model: string | null }) {
  const [, navigate] = useLocation();
  const [test, setTest] = useState<TestState | null>(null);
  const [problem, setProblem] = useState<Problem | null>(null);
  const [busy, setBusy] = useState<"save" | "test" | null>(null);
  const [draft] = useState(readDraft<Draft>);
  const [advanced, setAdvanced] = useState(kind === "supabase" || Boolean(draft?.values.ca_certificate));
  const [pasted, setPasted] = useState<{ warnings: string[]; kind: Kind } | null>(null);
  const [project, setProject] = useState(draft?.project ?? NO_PROJECT);
  const form = useForm<ConnectionValues>({
    initialValues: { ...START[kind], ...draft?.values },
    validate: CHECKS,
  });
  const { password: _, ...values } = form.values;
  useDraft({ values, project } satisfies Draft);

  const failed = (error: unknown) => {
    const shown = showProblem(form, error);
    const steps = shown && failedTest(shown);
    setTest(steps);
    setProblem(steps ? null : shown);
    if (shown?.code.startsWith("certificate") || shown?.code === "ca_certificate_invalid") setAdvanced(true);
  };
  const element = useRef<HTMLFormElement>(null);
  /** What is missing, and where nothing is, the button. */
  const goOn = () =>
    requestAnimationFrame(() => {
      const values = form.getValues();
      const missing = (["name", "host", "database", "username", "password"] as const).find(
        (one) => !values[one],
      );
      const field = missing && form.getInputNode(missing);
      (field ?? element.current?.querySelector<HTMLElement>("button[type=submit]"))?.focus();
    });
  // A connection string, wherever it is pasted, goes into the fields; its password is not left in sight.
  const read = async (text: string) => {
    setProblem(null);
    try {
      const read = await answer(api.POST("/api/v1/connections/parse", { body: { text } }));
      form.setValues((old) => ({
        ...(old.name?.trim() === "" && { name: nameFor(read.database, read.host) }),
        ...(read.host !== null && { host: read.host }),
        ...(read.port !== null && { port: String(read.port) }),
        ...(read.database !== null && { database: read.database }),
        ...(read.username !== null && { username: read.username }),
        ...(read.password !== null && { password: read.password }),
        encrypted: read.encrypted,
      }));
      form.clearErrors();
      if (read.supabase) setProject(projectOf(read.supabase, clusterOf(read.host ?? "")));
      setPasted(read);
      goOn();
    } catch (error) {
      setPasted(null);
      setProblem(toProblem(error));
    }
  };
  usePasteAnywhere((text, field) => {
    if (field instanceof HTMLTextAreaElement) return false;
    if (isPem(text)) {
      form.setFieldValue("ca_certificate", text);
      setAdvanced(true);
      goOn();
    } else if (isConnectionString(text)) void read(text);
    else return false;
    return true;
  });
  const reading = useEffectEvent(read);
  useEffect(() => {
    const text = takePasted();
    if (text !== null) void reading(text);
  }, []);
  const run = async <T,>(
    what: "save" | "test",
    call: () => Parameters<typeof live>[0],
  ): Promise<T | null> => {
    setBusy(what);
    setProblem(null);
    setTest(STARTED);
    try {
      return await live<T>(call(), (step) => setTest((before) => stepped(before, step)));
    } catch (error) {
      failed(error);
      return null;
    } finally {
      setBusy(null);
    }
  };
  const save = form.onSubmit(async (values) => {
    const body = toRequest(kind, values);
    const connection = await run<Connection>("save", () =>
      api.POST("/api/v1/connections", { body, ...LIVE }),
    );
    if (!connection) return;
    await refresh("/api/v1/connections");
    navigate(
      model
        ? to.model(model, "import", { connection: connection.id })
        : `${to.connection(connection.id)}?saved=1`,
    );
  });
  const testOnly = form.onSubmit(async (values) => {
    const body = toRequest(kind, values);
    const report = await run<TestReport>("test", () =>
      api.POST("/api/v1/connections/test", { body, ...LIVE }),
    );
    if (report) setTest({ running: false, ...report });
  });
  const { username, database } = form.values;
  const role = roleOf(username, project.ref);

  return (
    <div className="with-aside">
      <form ref={element} className="stack form" onSubmit={save} noValidate aria-label="Connection">
        {pasted ? (
          <Pasted {...pasted} shown={kind} model={model} />
        ) : (
          kind === "postgresql" && (
            <p className="dim" style={{ margin: 0 }}>
              Paste a connection string anywhere on this page, and its parts go where they belong. A CA
              certificate, too.
            </p>
          )
        )}
        <ConnectionFields kind={kind} form={form}>
          {kind === "supabase" && (
            <SupabaseFields
              project={project}
              onChange={(next) => {
                form.setValues(filledFrom(next, project, form.values));
                form.clearFieldError("host");
                setProject(next);
              }}
            />
          )}
        </ConnectionFields>
        <details
          className="advanced"
          open={advanced}
          onToggle={(event) => setAdvanced(event.currentTarget.open)}
        >
          <summary>Advanced</summary>
          {form.values.encrypted ? (
            <CaCertificateField
              kind={kind}
              value={form.values.ca_certificate}
              onChange={(value) => form.setFieldValue("ca_certificate", value)}
              error={form.errors.ca_certificate}
            />
          ) : (
            <p className="dim">A CA certificate has no use without encryption.</p>
          )}
        </details>
        {test && (
          <ConnectionTest
            test={test}
            host={form.values.host}
            onCertificate={() => {
              setAdvanced(true);
              // The field is in the page with the next render.
              requestAnimationFrame(() => form.getInputNode("ca_certificate")?.focus());
            }}
          />
        )}
        {problem && (
          <ProblemNotice
            problem={problem}
            tone={problem.code === "too_many_requests" ? "warning" : "danger"}
          />
        )}
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
          <Button variant="subtle" component={Link} to={model ? to.model(model, "import") : to.connections}>
            Cancel
          </Button>
        </div>
      </form>
      <aside className="stack">
        <RoleScript
          kind={kind}
          // The administrator is there already: the SQL is for another role.
          username={role === "postgres" ? "" : role}
          database={database}
          onPassword={(password, made) => form.setValues({ password, username: usernameOf(made, project) })}
        />
        <Needs kind={kind} />
        {kind === "postgresql" && <Providers />}
      </aside>
    </div>
  );
}

/** What became of the pasted text; and the other kind, where it fits better. */
function Pasted(props: { warnings: string[]; kind: Kind; shown: Kind; model: string | null }) {
  const { warnings, kind, shown, model } = props;
  const [, navigate] = useLocation();
  const other = kind !== shown;
  return (
    <Notice tone={warnings.length > 0 ? "warning" : "success"} title="Filled in from what you pasted">
      {warnings.map((warning) => (
        <p key={warning}>{warning}</p>
      ))}
      {other && kind === "postgresql" && <p>This does not look like a Supabase project.</p>}
      {other && (
        <div className="row" style={{ marginTop: 12 }}>
          <Button
            variant="default"
            size="xs"
            onClick={() => navigate(to.newConnection({ kind, ...(model && { model }) }), { replace: true })}
          >
            {kind === "supabase" ? "Use the Supabase form" : "Use the PostgreSQL form"}
          </Button>
        </div>
      )}
    </Notice>
  );
}
