import type { ReactNode } from "react";

export type Fact = readonly [name: string, value: ReactNode];

/** Names and what is known of them, beside each other. */
export function Facts({ label, facts }: { label?: string; facts: readonly Fact[] }) {
  return (
    <dl className="facts" aria-label={label}>
      {facts.map(([name, value]) => (
        <div key={name}>
          <dt>{name}</dt>
          <dd>{value}</dd>
        </div>
      ))}
    </dl>
  );
}
