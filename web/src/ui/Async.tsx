import { Button, Skeleton } from "@mantine/core";
import type { ReactNode } from "react";
import { toProblem } from "../api/client";
import { ProblemNotice } from "./Notice";

interface Query<T> {
  data: T | undefined;
  error: unknown;
  isFetching: boolean;
  refetch: () => unknown;
}

interface Props<T> {
  query: Query<T>;
  /** Has the layout of what is coming. Left out: a few lines. */
  skeleton?: ReactNode;
  /** Shown instead of the data where it holds nothing. */
  empty?: (data: T) => ReactNode | undefined;
  /** The data brings its own padding, so what stands in its place needs some. */
  inset?: boolean;
  children: (data: T) => ReactNode;
}

/** The one place for loading, error and empty. Old data stays in sight while newer is asked for. */
export function Async<T>({ query, skeleton, empty, inset, children }: Props<T>) {
  const { data, error } = query;
  const failure = Boolean(error) && (
    <div className={inset ? "page" : undefined} style={data === undefined ? undefined : { marginBottom: 16 }}>
      <ProblemNotice problem={toProblem(error)}>
        <Button variant="default" onClick={() => query.refetch()} loading={query.isFetching}>
          Retry
        </Button>
      </ProblemNotice>
    </div>
  );
  if (data !== undefined) {
    return (
      <>
        {failure}
        {empty?.(data) ?? children(data)}
      </>
    );
  }
  return (
    failure || (
      <div className={inset ? "page late" : "late"} aria-busy="true">
        {skeleton ?? <Lines count={4} />}
      </div>
    )
  );
}

export function Lines({ count, height = 32 }: { count: number; height?: number }) {
  return (
    <div className="stack" style={{ gap: 8 }}>
      {Array.from({ length: count }, (_, at) => (
        // biome-ignore lint/suspicious/noArrayIndexKey: all are alike
        <Skeleton key={at} height={height} />
      ))}
    </div>
  );
}

export function Empty({
  title,
  children,
  action,
}: {
  title: string;
  children?: ReactNode;
  action?: ReactNode;
}) {
  return (
    <div className="empty">
      <h2 style={{ margin: 0 }}>{title}</h2>
      {children}
      {action}
    </div>
  );
}
