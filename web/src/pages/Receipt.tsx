import type { Job } from "../api/client";
import { count, plural } from "../ui/format";
import { Notice } from "../ui/Notice";
import { Name } from "../ui/Visible";

type Receipt = NonNullable<Job["receipt"]>;

function title({ version, equal, source_changed, intact }: Receipt): string {
  const name = `Version ${count(version)}`;
  if (intact === false) return `${name} is damaged: what is stored is not what was written`;
  if (equal) return `${name} equals its source`;
  if (source_changed) return `The source has changed since version ${count(version)} was read`;
  return `${name} differs from its source`;
}

/** What a comparison of a version with its source came to, with each column that differs. */
export function ReceiptNotice({ job, children }: { job: Job; children?: React.ReactNode }) {
  const { receipt } = job;
  if (!receipt) return null;
  const different = receipt.columns.filter((column) => !column.equal);
  const unseen = receipt.columns.filter((column) => !column.texts).length;
  const tone = receipt.equal ? "success" : receipt.source_changed ? "info" : "danger";
  return (
    <Notice tone={tone} title={title(receipt)}>
      <p>
        {receipt.equal
          ? `${plural(receipt.rows.stored, "row")} and ${plural(receipt.columns.length, "column")}: as many values as in the database, with equal checksums of their texts.`
          : receipt.rows.source === receipt.rows.stored
            ? `Both have ${plural(receipt.rows.stored, "row")}, but not the same values.`
            : `The database has ${plural(receipt.rows.source, "row")}, the version ${count(receipt.rows.stored)}.`}
        {receipt.snapshot && " The database counted them under the very snapshot that they were read under."}
        {unseen > 0 && ` Of ${plural(unseen, "masked column")}, values were only counted.`}
        {receipt.source_changed && " What is stored is what was read; a sync reads it again."}
      </p>
      {job.problem?.fix && <p>{job.problem.fix}</p>}
      {different.length > 0 && (
        // biome-ignore lint/a11y/noNoninteractiveTabindex: it scrolls, so the keyboard must reach it
        <div className="table-wrap" tabIndex={0} role="region" aria-label="Columns that differ">
          <table className="list">
            <thead>
              <tr>
                <th>Column that differs</th>
                <th>Values in the database</th>
                <th>Values stored</th>
                <th>What differs</th>
              </tr>
            </thead>
            <tbody>
              {different.map(({ name, values }) => (
                <tr key={name}>
                  <td>
                    <Name text={name} />
                  </td>
                  <td>{count(values.source)}</td>
                  <td>{count(values.stored)}</td>
                  <td>
                    {values.source === values.stored ? "the values, not how many" : "how many there are"}
                  </td>
                </tr>
              ))}
            </tbody>
          </table>
        </div>
      )}
      {children && (
        <div className="row" style={{ marginTop: 12 }}>
          {children}
        </div>
      )}
    </Notice>
  );
}
