import { CircleAlert, CircleCheck, Info, TriangleAlert } from "lucide-react";
import type { CSSProperties, ReactNode } from "react";
import type { Problem } from "../api/client";
import { Code, CopyButton } from "./Copy";
import { splitSql } from "./format";
import { visible } from "./Visible";

const ICONS = { success: CircleCheck, warning: TriangleAlert, danger: CircleAlert, info: Info };
export type Tone = keyof typeof ICONS;

export function ToneIcon({ tone, label }: { tone: Tone; label?: string }) {
  const Icon = ICONS[tone];
  return (
    <Icon
      className={`icon ${tone}`}
      size={16}
      role={label ? "img" : undefined}
      aria-label={label}
      aria-hidden={!label}
    />
  );
}

export function Notice({ tone, title, children }: { tone: Tone; title: string; children?: ReactNode }) {
  return (
    <div
      className="notice"
      role={tone === "danger" ? "alert" : "status"}
      style={{ "--tone": `var(--${tone})` } as CSSProperties}
    >
      <ToneIcon tone={tone} />
      <div>
        <strong>{visible(title)}</strong>
        {children}
      </div>
    </div>
  );
}

/** What to do; SQL in it stands apart and can be copied. */
export function Fix({ text }: { text: string }) {
  return splitSql(text).map((part, at) =>
    part.sql ? (
      // biome-ignore lint/suspicious/noArrayIndexKey: the parts of one text never move
      <Code key={at} text={part.text} label="SQL" />
    ) : (
      // biome-ignore lint/suspicious/noArrayIndexKey: as above
      <p key={at}>{visible(part.text, true)}</p>
    ),
  );
}

/** A failure: what, why, what to do, and the id to quote. */
export function ProblemNotice(props: { problem: Problem; tone?: Tone; children?: ReactNode }) {
  const { problem, tone = "danger", children } = props;
  return (
    <Notice tone={tone} title={problem.title}>
      <p>{visible(problem.detail, true)}</p>
      {problem.fix && <Fix text={problem.fix} />}
      {children && (
        <div className="row" style={{ marginTop: 12 }}>
          {children}
        </div>
      )}
      {problem.request_id && (
        <p className="dim small">
          Request <span className="mono">{problem.request_id}</span>{" "}
          <CopyButton text={problem.request_id} label="Copy the request id" />
        </p>
      )}
    </Notice>
  );
}
