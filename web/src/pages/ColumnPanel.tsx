// What one column holds: figures, and its bars as buttons that filter. It follows the grid's current column.
import { ActionIcon } from "@mantine/core";
import { ChevronLeft, ChevronRight, X } from "lucide-react";
import { type RefObject, useEffect, useRef } from "react";
import type { Column, ColumnProfile } from "../api/client";
import type { GridHandle } from "../grid/gridProps";
import { type Bar, barText, isChosen, pictureOf } from "../grid/profile";
import type { Filter } from "../grid/view";
import { type Fact, Facts } from "../ui/Facts";
import { count, percent, roughly } from "../ui/format";
import { spelled } from "../ui/invisible";
import { visible } from "../ui/Visible";
import type { ShownProfile } from "./useProfile";

interface Props {
  /** The column's. */
  name: string;
  columns: Column[];
  profile: ShownProfile;
  filters: readonly Filter[];
  /** Which the panel moves from column to column. */
  grid: RefObject<GridHandle | null>;
  onBar: (name: string, bar: Bar) => void;
  onClose: () => void;
}

export default function ColumnPanel(props: Props) {
  const { name, columns, profile, filters, grid, onBar, onClose } = props;
  const column = columns.find((one) => one.name === name);
  const here = profile.of(name)?.profile;
  const shown = grid.current?.columns() ?? [];
  const at = shown.findIndex((placed) => placed.column.name === name);
  const go = (to: number) => grid.current?.goTo(grid.current.current().row, to);
  const panel = useRef<HTMLElement>(null);
  // It was asked for, so it is where the keys go on.
  useEffect(() => panel.current?.focus({ preventScroll: true }), []);
  return (
    <aside
      ref={panel}
      tabIndex={-1}
      className="record"
      aria-label="Profile of the column"
      // Ahead of a tooltip inside, which would keep the key to itself.
      onKeyDownCapture={(event) => event.key === "Escape" && onClose()}
    >
      <div className="row spread" style={{ flexWrap: "nowrap" }}>
        <h3 style={{ margin: 0, minWidth: 0, overflowWrap: "anywhere" }} aria-live="polite">
          {visible(name)} <span className="dim small">{visible(column?.pg_type ?? "")}</span>
        </h3>
        <div className="row" style={{ gap: 4, flexWrap: "nowrap" }}>
          <ActionIcon
            variant="default"
            size={30}
            aria-label="Previous column"
            title="Previous column"
            disabled={at <= 0}
            onClick={() => go(at - 1)}
          >
            <ChevronLeft size={16} />
          </ActionIcon>
          <ActionIcon
            variant="default"
            size={30}
            aria-label="Next column"
            title="Next column"
            disabled={at + 1 >= shown.length}
            onClick={() => go(at + 1)}
          >
            <ChevronRight size={16} />
          </ActionIcon>
          <ActionIcon
            variant="subtle"
            color="gray"
            size={30}
            aria-label="Close the profile"
            onClick={onClose}
          >
            <X size={16} />
          </ActionIcon>
        </div>
      </div>
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: it scrolls, so the keyboard must reach it */}
      <div className="record-fields" tabIndex={0} aria-label="Figures of the column" role="group">
        {here ? (
          <Figures profile={here} rows={profile.rows} filters={filters} onBar={(bar) => onBar(name, bar)} />
        ) : profile.reason ? (
          <p>{profile.reason}</p>
        ) : (
          <span className="grid-wait late" />
        )}
      </div>
    </aside>
  );
}

interface FiguresProps {
  profile: ColumnProfile;
  /** Of the version. */
  rows: number;
  filters: readonly Filter[];
  onBar: (bar: Bar) => void;
}

function Figures({ profile, rows, filters, onBar }: FiguresProps) {
  const picture = pictureOf(profile.name, profile, rows);
  const values = rows - profile.nulls;
  const most = Math.max(1, ...picture.bars.map((bar) => bar.rows));
  const mean = profile.mean !== null && Number(profile.mean.toPrecision(12));
  const facts: Fact[] = [
    ["Rows", count(rows)],
    ["NULL", `${count(profile.nulls)} (${percent(profile.nulls, rows)})`],
    [
      "Different values",
      profile.distinct_is_exact ? count(profile.distinct) : roughly(Math.min(profile.distinct, values)),
    ],
    ...(profile.min !== null ? [["Least", shown(profile.min)] as const] : []),
    ...(profile.max !== null ? [["Greatest", shown(profile.max)] as const] : []),
    ...(mean !== false ? [["Mean", `~${mean}`] as const] : []),
  ];
  const list = (label: string, bars: Bar[], of: number) => (
    <section aria-label={label}>
      <h4 style={{ margin: "16px 0 0" }}>{label}</h4>
      <ul className="bars">
        {bars.map((bar) => (
          <BarRow
            key={`${bar.kind} ${bar.label}`}
            bar={bar}
            share={bar.rows / of}
            rows={rows}
            isOn={isChosen(bar, filters)}
            onBar={onBar}
          />
        ))}
      </ul>
    </section>
  );
  const top = picture.shape === "range" ? { ...profile, histogram: [] } : null;
  const also = top && pictureOf(profile.name, top, rows);
  return (
    <>
      <Facts facts={facts} />
      {picture.shape === "range" && list("By value", picture.bars, most)}
      {picture.shape === "values" && list("Most common values", picture.bars, rows)}
      {also?.shape === "values" && list("Most common values", also.bars, rows)}
      {picture.shape === "none" && values > 0 && (
        <p className="dim small">Too many values are different to show the most common ones.</p>
      )}
      {picture.nulls && list("Without a value", [picture.nulls], rows)}
      <p className="dim small">
        Counted over all rows of the version; filters do not change it. A click filters, another one takes the
        filter away.
        {!profile.distinct_is_exact &&
          " The number of different values is an estimate, within a few per cent."}
      </p>
    </>
  );
}

/** A value as text; nothing would look as if there were none. */
const shown = (value: string) => (value === "" ? '""' : spelled(value));

interface RowProps {
  bar: Bar;
  /** Of the width, 0 to 1. */
  share: number;
  rows: number;
  isOn: boolean;
  onBar: (bar: Bar) => void;
}

function BarRow({ bar, share, rows, isOn, onBar }: RowProps) {
  const style = { "--share": `${100 * share}%` } as React.CSSProperties;
  const inside = (
    <>
      <span title={spelled(bar.label)}>{bar.kind === "null" ? <em>NULL</em> : visible(bar.label)}</span>
      <span>{barText(bar, rows)}</span>
    </>
  );
  return (
    <li>
      {bar.filters.length > 0 && bar.rows > 0 ? (
        <button
          type="button"
          className="bar-row"
          style={style}
          aria-pressed={isOn}
          onClick={() => onBar(bar)}
        >
          {inside}
        </button>
      ) : (
        <div className="bar-row" style={style}>
          {inside}
        </div>
      )}
    </li>
  );
}
