import type { Diff } from "../api/client";
import { count, plural } from "../ui/format";

/** "+120 −3 ~44", with words for who does not see the signs. */
export function ChangeCounts({ diff }: { diff: Diff }) {
  const { added, removed, changed } = diff;
  if (added + removed + changed === 0) return <span>No row differs</span>;
  const words = `${plural(added, "row")} added, ${count(removed)} removed, ${count(changed)} changed`;
  return (
    <span className="num" title={words}>
      <span aria-hidden>
        <span className="added-text">+{count(added)}</span>{" "}
        <span className="removed-text">−{count(removed)}</span>{" "}
        <span className="changed-text">~{count(changed)}</span>
      </span>
      <span className="visually-hidden">{words}</span>
    </span>
  );
}

/** So many columns are named. */
const NAMED = 8;

/** The columns in which cells differ, those with most first. */
export function changedColumns(diff: Diff): string {
  const names = diff.columns
    .filter((column) => column.changed_rows > 0)
    .sort((a, b) => b.changed_rows - a.changed_rows)
    .map((column) => column.name);
  const more = names.length - NAMED;
  return names.slice(0, NAMED).join(", ") + (more > 0 ? ` and ${plural(more, "other")}` : "");
}
