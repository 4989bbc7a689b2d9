// The picture of a column in its head. It is for the pointer: by keys the same is in the column's panel.
import type { MouseEvent } from "react";
import { spelled } from "../ui/invisible";
import { visible } from "../ui/Visible";
import { type Bar, barTitle, isChosen, type Picture } from "./profile";
import type { Filter } from "./view";
import "./profile.css";

/** What the strip adds to the height of the head in px, as in profile.css. */
export const STRIP = 40;

interface Props {
  /** undefined: not here yet. */
  picture: Picture | undefined;
  /** Of the version. */
  rows: number;
  filters: readonly Filter[];
  onBar: (bar: Bar) => void;
}

export function ProfileStrip({ picture, rows, filters, onBar }: Props) {
  if (!picture) {
    return (
      <div className="strip late" aria-hidden>
        <span className="grid-wait" />
      </div>
    );
  }
  const { shape, bars, nulls, caption } = picture;
  const shown = shape === "values" && nulls ? [...bars, nulls] : bars;
  const most = Math.max(1, ...shown.map((bar) => bar.rows));
  const onClick = (event: MouseEvent) => {
    const at = (event.target as HTMLElement).closest<HTMLElement>("[data-bar]")?.dataset.bar;
    const bar = shown[Number(at)];
    if (at !== undefined && bar && bar.rows > 0 && bar.filters.length > 0) onBar(bar);
  };
  return (
    <div className="strip">
      <div className={`strip-bars ${shape}`} aria-hidden onClick={onClick}>
        {shown.map((bar, at) => (
          <span
            key={`${bar.kind} ${bar.label}`}
            data-bar={at}
            title={spelled(barTitle(bar, rows))}
            className={[
              "strip-bar",
              bar.filters.length === 0 && "fixed",
              bar === nulls && "null-bar",
              isChosen(bar, filters) && "chosen",
            ]
              .filter(Boolean)
              .join(" ")}
            style={shape === "values" ? { flexGrow: bar.rows } : undefined}
          >
            {shape === "values" ? (
              <span className="strip-label">{visible(bar.label)}</span>
            ) : (
              <span className="strip-fill" style={{ height: `${(100 * bar.rows) / most}%` }} />
            )}
          </span>
        ))}
      </div>
      <div className="strip-caption" title={caption}>
        {nulls && shape !== "values" && (
          <span
            className="strip-null"
            aria-hidden
            style={{
              background: `linear-gradient(to right, var(--bar-null) ${(100 * nulls.rows) / rows}%, var(--line) 0)`,
            }}
          />
        )}
        <span>{caption}</span>
      </div>
    </div>
  );
}
