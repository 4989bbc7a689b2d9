// What a database knows of a table before anything is read: what an import costs, and what the columns hold.
import { Button } from "@mantine/core";
import type { SourceStatistics, SourceTableDescription } from "../api/client";
import { Code } from "../ui/Copy";
import { type Fact, Facts } from "../ui/Facts";
import { bytes, count, duration, percent, plural, roughly } from "../ui/format";
import { Notice } from "../ui/Notice";
import { TimeAgo } from "../ui/TimeAgo";
import { visible } from "../ui/Visible";

/** What an import takes from the database: bytes, pages, and how long at what its owner allows. */
export function PriceTag({ description }: { description: SourceTableDescription }) {
  const { bytes: size, statistics, read_seconds: seconds, longest_read_seconds: longest } = description;
  const tooLong = seconds !== null && seconds > longest;
  const facts: Fact[] = [
    [
      "Size of one read",
      size === null
        ? "Its size is not known before it is read"
        : `~${bytes(size)}${statistics.pages !== null ? `, ~${plural(statistics.pages, "page")}` : ""}`,
    ],
    [
      "Time",
      seconds === null
        ? "As fast as the database sends: this connection has no limit"
        : `About ${duration(seconds)} at this connection's pace; the database keeps old rows for as long`,
    ],
  ];
  return (
    <section aria-label="What an import takes">
      <Facts facts={facts} />
      {tooLong && (
        <Notice tone="warning" title="An import of all columns is refused">
          <p>
            A read may take at most {duration(longest)} through this connection. Raise its limits, or import
            fewer columns.
          </p>
        </Notice>
      )}
    </section>
  );
}

const WHY: Record<Exclude<SourceStatistics["state"], "known">, string> = {
  never_analyzed:
    "The database has never analysed this table, so it knows nothing of what its columns hold. Its owner can have it analysed, then look again:",
  empty:
    "The table was empty when the database last analysed it, so nothing is known of what its columns hold.",
  row_security:
    "PostgreSQL shows no statistics of a table with row-level security, because they would tell of rows that its policies hide.",
  not_kept: "PostgreSQL keeps no statistics of a view.",
  denied: "The server keeps its statistics from this role. To show them, an administrator runs:",
};

interface Props {
  statistics: SourceStatistics;
  /** Whether values of the table are shown. */
  values: boolean;
  busy: boolean;
  onValues: (shown: boolean) => void;
}

/** How old the figures in the list of columns are, or why there are none. */
export function StatisticsNote({ statistics, values, busy, onValues }: Props) {
  const { state, fix, analyzed_at: at, changed_rows: changed } = statistics;
  if (state !== "known") {
    return (
      <div className="dim small stack" style={{ gap: 8 }}>
        <span>{WHY[state]}</span>
        {fix && <Code text={fix} label="SQL" />}
      </div>
    );
  }
  return (
    <div className="row spread">
      <span className="dim small" style={{ flex: "1 1 320px" }}>
        What the columns hold is an estimate of the database, from a sample of its rows
        {at ? (
          <>
            {" "}
            that it took <TimeAgo at={at} />
          </>
        ) : (
          ", taken at a time that it does not say"
        )}
        {changed !== null && changed > 0 && `; ${plural(changed, "row")} changed since`}. Nothing was read for
        it.
      </span>
      <Button
        variant="default"
        size="xs"
        aria-pressed={values}
        loading={busy}
        onClick={() => onValues(!values)}
      >
        {values ? "Hide the most common values" : "Show the most common values"}
      </Button>
    </div>
  );
}

type Column = SourceStatistics["columns"][number];

/** `~25 %`, what is hardly ever null not as never. */
export const nullShare = ({ null_share: share }: Column) => `~${percent(share, 1)}`;

export const differentValues = ({ distinct }: Column) =>
  distinct === null ? "unknown" : distinct < 100 ? `~${count(distinct)}` : roughly(distinct);

/** `paid 25 %, new 24 %` */
export function CommonValues({ column }: { column: Column | undefined }) {
  if (!column?.most_common?.length) return <span className="dim">none is found often</span>;
  return (
    <ul className="common">
      {column.most_common.map(({ value, share }) => (
        <li key={value}>
          <span>{value === "" ? '""' : visible(value)}</span> <span className="dim">{percent(share, 1)}</span>
        </li>
      ))}
    </ul>
  );
}
