import { useState } from "react";
import type { Cell } from "../api/client";
import { count } from "../ui/format";
import { isNumeric, type Placed } from "./columns";
import { type Summary, summarise } from "./decimal";

interface Props {
  columns: Placed[];
  cells: () => (Cell | null)[][] | null;
  fetchAll: () => Promise<boolean>;
}

/** So many cells are summed while a selection is being drawn; more of them when asked. */
const AT_ONCE = 20_000;

/** What a selection comes to, of the digits as they are. */
export default function SelectionSummary({ columns, cells, fetchAll }: Props) {
  const numeric = columns.map(({ column }) => isNumeric(column));
  const [summary, setSummary] = useState<Summary | null>(() => {
    const found = cells();
    return found && found.length * columns.length <= AT_ONCE ? summarise(numeric, found) : null;
  });
  const [asked, setAsked] = useState(false);
  const compute = async () => {
    setAsked(true);
    const found = cells() ?? ((await fetchAll()) ? cells() : null);
    if (found) setSummary(summarise(numeric, found));
    setAsked(false);
  };
  if (!summary) {
    return (
      <button type="button" className="plain-link" disabled={asked} onClick={() => void compute()}>
        {numeric.includes(true) ? "Sum and count" : "Count"}
      </button>
    );
  }
  const { sum, mean, values, nulls } = summary;
  return (
    <>
      {sum !== null && mean && (
        <>
          <Figure name="Sum" text={sum} />
          <Figure name="Mean" text={mean.exact ? mean.text : `≈ ${mean.text}`} />
        </>
      )}
      <Figure name="Count" text={count(values)} />
      {nulls > 0 && <Figure name="NULL" text={count(nulls)} />}
    </>
  );
}

function Figure({ name, text }: { name: string; text: string }) {
  return (
    <span className="grid-figure" title={`${name} ${text}`}>
      {name} <b>{text}</b>
    </span>
  );
}
