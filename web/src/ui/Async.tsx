import { Button, Skeleton } from "@mantine/core";
import type { ReactNode } from "react";
import { Link } from "wouter";
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
  /** The data brings the page's heading too: this one stands in for it. */
  title?: string;
  children: (data: T) => ReactNode;
}

/** The one place for loading, error and empty. Old data stays in sight while newer is asked for. */
export function Async<T>({ query, skeleton, empty, inset, title, children }: Props<T>) {
  const { data, error } = query;
  const failure = Boolean(error) && (
    <div className={inset ? "page" : undefined} style={data === undefined ? undefined : { marginBottom: 16 }}>
      {title && data === undefined && (
        <>
          <title>{`${toProblem(error).title} · Mycorr`}</title>
          <h1 className="visually-hidden">{title}</h1>
        </>
      )}
      <ProblemNotice problem={toProblem(error)}>
        {toProblem(error).status === 404 ? (
          // Asking again will not bring it; elsewhere is something.
          <Button component={Link} to="/" variant="default">
            Go to your Models
          </Button>
        ) : (
          <Button variant="default" onClick={() => query.refetch()} loading={query.isFetching}>
            Retry
          </Button>
        )}
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

/** In the place of a page whose code has not come yet. */
export function Waiting({ page }: { page?: boolean }) {
  return (
    <div className="page late" aria-busy="true">
      {page && (
        <h1 className="visually-hidden" data-waiting>
          Loading
        </h1>
      )}
      <Lines count={3} />
    </div>
  );
}

interface EmptyProps {
  title: string;
  /** It is all that the page has, so its title is the page's. */
  page?: boolean;
  children?: ReactNode;
  action?: ReactNode;
}

export function Empty({ title, page, children, action }: EmptyProps) {
  const Heading = page ? "h1" : "h2";
  return (
    <div className="empty">
      <Heading style={{ margin: 0 }}>{title}</Heading>
      {children}
      {action}
    </div>
  );
}
