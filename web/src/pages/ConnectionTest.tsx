import { Loader } from "@mantine/core";
import { Check, Minus, TriangleAlert, X } from "lucide-react";
import type { Problem, Step, TestReport } from "../api/client";
import { milliseconds } from "../ui/format";
import { Fix, Notice, ProblemNotice } from "../ui/Notice";

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

export type TestState =
  | { running: true; encrypted: boolean }
  | { running: false; steps: Step[]; problem: Problem | null; server: TestReport["server"] };

/** What the answer to a failed "Test and save" says of its test; null if no test was made. */
export function failedTest(problem: Problem): TestState | null {
  return problem.steps?.length ? { running: false, steps: problem.steps, problem, server: null } : null;
}

/** The steps of a test, each with its outcome and time, and below what to do if one failed. */
export function ConnectionTest({ test }: { test: TestState }) {
  return (
    <div className="stack" style={{ gap: 12 }} aria-live="polite">
      <ol className="steps" aria-busy={test.running}>
        {test.running
          ? Object.entries(STEPS)
              .filter(([step]) => test.encrypted || step !== "encrypt")
              .map(([step, label], at) => (
                <li key={step}>
                  {at === 0 ? <Loader size={16} aria-hidden /> : <span className="steps-wait" />}
                  <span className="dim">{label}</span>
                </li>
              ))
          : test.steps.map((step) => <StepLine key={step.step} step={step} told={test.problem !== null} />)}
      </ol>
      {!test.running && test.problem && <ProblemNotice problem={test.problem} />}
      {!test.running && !test.problem && (
        <Notice tone="success" title="The connection works">
          {test.server && (
            <p>
              PostgreSQL {test.server.version}
              {test.server.in_recovery && ", a standby"}
              {test.server.pooler && `, behind ${test.server.pooler}`}
            </p>
          )}
        </Notice>
      )}
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
