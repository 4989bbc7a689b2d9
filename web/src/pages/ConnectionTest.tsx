import { Button, Loader } from "@mantine/core";
import { Check, Minus, TriangleAlert, X } from "lucide-react";
import { useEffect, useRef } from "react";
import type { BrokenRule, Certificate, Problem, Step, TestReport } from "../api/client";
import { type Fact, Facts } from "../ui/Facts";
import { milliseconds } from "../ui/format";
import { Fix, Notice, ProblemNotice } from "../ui/Notice";
import { CertificateChain } from "./CertificateChain";
import { PassportSummary } from "./Passport";

const STEPS: Record<Step["step"], string> = {
  address: "Look the host up",
  connect: "Reach the server",
  encrypt: "Encrypt, check the certificate",
  authenticate: "Sign in",
  database: "Open the database",
  privileges: "Check what the role may read",
};

const OUTCOMES = {
  passed: { icon: Check, tone: "success", word: "passed" },
  warned: { icon: TriangleAlert, tone: "warning", word: "passed with a warning" },
  failed: { icon: X, tone: "danger", word: "failed" },
  skipped: { icon: Minus, tone: "dim", word: "not reached" },
} as const;

/** What a test found out so far; a test that failed before "save" knows less than a report. */
export interface TestState extends Partial<Omit<TestReport, "steps" | "problem">> {
  running: boolean;
  steps: Step[];
  problem: Problem | null;
}

export const STARTED: TestState = { running: true, steps: [], problem: null };

/** One more step is over. */
export const stepped = (test: TestState | null, step: Step): TestState => ({
  ...(test ?? STARTED),
  steps: [...(test?.steps ?? []), step],
});

/** What the answer to a failed "Test and save" says of its test; null if no test was made. */
export function failedTest(problem: Problem): TestState | null {
  if (!problem.steps?.length) return null;
  const { steps, certificates, broken_rule } = problem;
  return { running: false, steps, problem, certificates: certificates ?? [], broken_rule };
}

interface Props {
  test: TestState;
  host: string;
  /** Brings the field for the CA certificate into sight. */
  onCertificate?: () => void;
}

/** The steps of a test as they end, each with its outcome and time, and below what was learnt. */
export function ConnectionTest({ test, host, onCertificate }: Props) {
  const { running, steps, problem } = test;
  const last = steps.at(-1);
  // It often begins below the fold, and ends with more than it began with.
  const ref = useRef<HTMLDivElement>(null);
  useEffect(() => {
    ref.current?.scrollIntoView({ block: running ? "center" : "nearest" });
  }, [running]);
  return (
    <div className="stack" style={{ gap: 12 }} ref={ref}>
      <ol className="steps" aria-label="Steps of the test" aria-busy={running}>
        {Object.entries(STEPS).map(([name, label], at) => {
          const step = steps.find((one) => one.step === name);
          if (step) return <StepLine key={name} step={step} told={!running && problem !== null} />;
          return (
            <li key={name}>
              {running && at === steps.length ? (
                <Loader size={16} role="img" aria-label="running" />
              ) : (
                <span className="steps-wait" />
              )}
              <span className="dim">{label}</span>
            </li>
          );
        })}
      </ol>
      <div className="visually-hidden" role="status">
        {running && (last ? `${STEPS[last.step]}: ${OUTCOMES[last.outcome].word}` : "The test runs")}
      </div>
      {!running && problem && (
        <ProblemNotice problem={problem}>
          {onCertificate && test.broken_rule === "untrusted" && (
            <Button variant="default" onClick={onCertificate}>
              Paste the CA certificate
            </Button>
          )}
        </ProblemNotice>
      )}
      {!running && !problem && <Worked test={test} />}
      {!running && <Learnt test={test} />}
      {!running && <Certificates test={test} host={host} />}
    </div>
  );
}

function StepLine({ step, told }: { step: Step; told: boolean }) {
  const { icon: Icon, tone, word } = OUTCOMES[step.outcome];
  const failed = step.outcome === "failed";
  return (
    <li>
      <Icon size={16} className={`icon ${tone}`} role="img" aria-label={word} />
      <div>
        <span className={step.outcome === "skipped" ? "dim" : undefined}>{STEPS[step.step]}</span>
        {/* The problem below tells the failed step's story. */}
        {!(failed && told) && step.outcome !== "skipped" && <div className="dim small">{step.message}</div>}
        {step.fix && !(failed && told) && (
          <div className="small">
            <Fix text={step.fix} />
          </div>
        )}
      </div>
      {step.outcome !== "skipped" && <span className="num dim small">{milliseconds(step.milliseconds)}</span>}
    </li>
  );
}

function Worked({ test }: { test: TestState }) {
  const readable = test.passport?.schemas.some((schema) => schema.usage && schema.readable > 0) ?? true;
  if (!readable) {
    return (
      <Notice tone="warning" title="The connection works, but the role can read nothing">
        <p>
          Nothing can be imported through it until the role may read a table. The SQL for it is on this page.
        </p>
      </Notice>
    );
  }
  return (
    <Notice tone="success" title="The connection works">
      {test.passport && <PassportSummary passport={test.passport} />}
    </Notice>
  );
}

const TRIED: Record<NonNullable<TestReport["addresses"]>[number]["outcome"], string> = {
  connected: "connected",
  refused: "refused the connection",
  no_answer: "did not answer in time",
  unreachable: "cannot be reached from here",
  failed: "failed",
};

function Learnt({ test: { addresses = [], server, tls, authentication } }: { test: TestState }) {
  const facts: Fact[] = [];
  if (addresses.length > 0) {
    const lines = addresses.map(({ address, outcome }) => (
      <div key={address}>
        <span className="mono">{address}</span>{" "}
        <span className={outcome === "connected" ? undefined : "dim"}>{TRIED[outcome]}</span>
      </div>
    ));
    facts.push([addresses.length === 1 ? "Address" : "Addresses tried", lines]);
  }
  if (server) {
    facts.push([
      "Server",
      `PostgreSQL ${server.version}, ${server.in_recovery ? "a read replica" : "a primary"}`,
    ]);
    facts.push(["In between", server.pooler ?? "nothing, no pooler"]);
  }
  if (tls) facts.push(["Encryption", `${tls.version.replace("TLSv", "TLS ")}, ${tls.cipher}`]);
  if (authentication) facts.push(["Signed in by", authentication]);
  if (facts.length === 0) return null;
  return <Facts label="What the test learnt" facts={facts} />;
}

function Certificates({ test, host }: { test: TestState; host: string }) {
  const chain: Certificate[] = test.certificates ?? [];
  const broken: BrokenRule | null = test.broken_rule ?? null;
  if (chain.length === 0) return null;
  if (broken) return <CertificateChain chain={chain} broken={broken} host={host} />;
  return (
    <details className="advanced">
      <summary>The server's certificate</summary>
      <CertificateChain chain={chain} broken={null} host={host} />
    </details>
  );
}
