import { MantineProvider } from "@mantine/core";
import { render, screen } from "@testing-library/react";
import userEvent from "@testing-library/user-event";
import { describe, expect, it, vi } from "vitest";
import type { Column, Problem } from "../src/api/client";
import { rateOf } from "../src/api/events";
import { cellText, tsv } from "../src/grid/cell";
import { layout, moved, orderNote, revealColumn, visibleColumns } from "../src/grid/columns";
import { press, range, type Selection } from "../src/grid/keys";
import { canvasHeight, ROW, reach, reveal, scrollAt, scrolled, topAt, visibleRows } from "../src/grid/scroll";
import {
  formatFilter,
  formatSort,
  joinWords,
  makeFilter,
  nextSort,
  parseCell,
  parseFilter,
  parseSort,
  readFilter,
  words,
} from "../src/grid/view";
import { ceiling } from "../src/pages/Courtesy";
import { percent } from "../src/pages/JobProgress";
import { Confirm } from "../src/ui/Confirm";
import { ago, bytes, duration, estimate, fingerprint, splitSql } from "../src/ui/format";
import { ProblemNotice } from "../src/ui/Notice";

describe("scroll", () => {
  const view = 640;
  for (const rows of [0, 1, 20, 1000, 250_000, 300_000, 10_000_000, 100_000_000]) {
    const extent = { rows, view };
    it(`maps bar and rows both ways with ${rows} rows`, () => {
      const far = reach(extent);
      const end = Math.max(0, canvasHeight(rows) - view);
      expect(topAt(0, extent)).toBe(0);
      expect(topAt(end, extent)).toBeCloseTo(far, 3);
      let before = -1;
      for (let step = 0; step <= 1000; step += 1) {
        const top = topAt((end * step) / 1000, extent);
        expect(top).toBeGreaterThanOrEqual(before);
        expect(scrollAt(top, extent)).toBeCloseTo((end * step) / 1000, 2);
        before = top;
      }
    });
  }

  const big = { rows: 10_000_000, view };

  it("moves the rows by as much as the wheel, in the middle and at the ends", () => {
    for (const top of [0, 50_000, 5_000_000, reach(big) / 2, reach(big) - 500]) {
      const scroll = scrollAt(top, big);
      const next = scrolled({ top, scroll }, scroll + 120, big);
      expect(next.top).toBeCloseTo(Math.min(top + 120, reach(big)), 3);
    }
  });

  it("jumps in proportion when the bar is dragged", () => {
    const half = scrollAt(reach(big) / 2, big);
    expect(scrolled({ top: 0, scroll: 0 }, half, big).top).toBeCloseTo(reach(big) / 2, 0);
  });

  it("reaches the first and the last row by wheel alone, from anywhere", () => {
    for (const by of [-400, 400]) {
      let at = { top: by < 0 ? 900_000 : reach(big) - 900_000, scroll: 0 };
      at.scroll = scrollAt(at.top, big);
      const end = canvasHeight(big.rows) - view;
      for (let turn = 0; turn < 3000; turn += 1) {
        at = scrolled(at, Math.min(Math.max(at.scroll + by, 0), end), big);
      }
      expect(at.top).toBeCloseTo(by < 0 ? 0 : reach(big), 3);
    }
  });

  it("reveals a row with as little movement as possible", () => {
    expect(reveal(0, 5, big)).toBe(0);
    expect(reveal(1000, 0, big)).toBe(0);
    expect(reveal(0, 20, big)).toBe(21 * ROW - view);
    expect(reveal(0, big.rows - 1, big)).toBe(reach(big));
    expect(visibleRows(reach(big), big).end).toBe(big.rows);
    expect(visibleRows(16, { rows: 3, view })).toEqual({ first: 0, end: 3 });
  });
});

const column = (name: string, pg_type = "text"): Column => ({
  name,
  pg_type,
  type: "string",
  order: "type",
  collation: null,
  position: 1,
  nullable: true,
});

describe("columns", () => {
  const columns = ["a", "b", "c", "d"].map((name) => column(name));
  const widths = new Map(columns.map(({ name }) => [name, 100]));

  it("says by what a column sorts where that is not plain", () => {
    expect(orderNote({ order: "type", collation: null })).toBeNull();
    expect(orderNote({ order: "type", collation: "C" })).toBeNull();
    expect(orderNote({ order: "type", collation: "de-x-icu" })).toBe("Sorts by collation de-x-icu");
    expect(orderNote({ order: "bytes", collation: "en_US.utf8" })).toContain("not by collation en_US.utf8");
    expect(orderNote({ order: "text", collation: null })).toContain("has no order");
  });

  it("puts pinned columns first and keeps where their cells are", () => {
    const laid = layout(columns, ["d", "c", "b", "a"], widths, new Set(["b"]));
    expect(laid.columns.map((one) => [one.column.name, one.at, one.x])).toEqual([
      ["b", 1, 0],
      ["d", 3, 100],
      ["c", 2, 200],
      ["a", 0, 300],
    ]);
    expect([laid.pinned, laid.pinnedWidth, laid.width]).toEqual([1, 100, 400]);
  });

  it("shows what is beside the pinned ones, and at least one", () => {
    const laid = layout(columns, ["a", "b", "c", "d"], widths, new Set(["a"]));
    expect(visibleColumns(laid, 0, 250)).toEqual({ first: 1, end: 3 });
    expect(visibleColumns(laid, 100, 250)).toEqual({ first: 2, end: 4 });
    expect(visibleColumns(laid, 0, 0)).toEqual({ first: 1, end: 2 });
    expect(revealColumn(laid, 0, 250, 3)).toBe(150);
    expect(revealColumn(laid, 150, 250, 1)).toBe(0);
    expect(revealColumn(laid, 150, 250, 0)).toBe(150);
  });

  it("stays calm with none or all pinned", () => {
    const all = layout(columns, ["a", "b"], widths, new Set(["a", "b"]));
    expect(visibleColumns(all, 0, 500)).toEqual({ first: 2, end: 2 });
    expect(visibleColumns(layout(columns, [], widths, new Set()), 0, 500)).toEqual({ first: 0, end: 0 });
  });

  it("swaps neighbours and not further than the end", () => {
    expect(moved(["a", "b", "c"], "b", 1)).toEqual(["a", "c", "b"]);
    expect(moved(["a", "b", "c"], "a", -1)).toEqual(["a", "b", "c"]);
  });
});

describe("keys", () => {
  const bounds = { rows: 100, cols: 5, page: 10 };
  const at = (row: number, col: number): Selection => ({ anchor: { row, col }, focus: { row, col } });
  const focus = (selection: Selection | null) => selection && [selection.focus.row, selection.focus.col];
  const key = (name: string, shift = false, ctrl = false) => ({ key: name, shift, ctrl });

  it("moves within the table", () => {
    for (const [name, ctrl, want] of [
      ["ArrowDown", false, [51, 2]],
      ["ArrowUp", true, [0, 2]],
      ["ArrowRight", true, [50, 4]],
      ["PageDown", false, [60, 2]],
      ["PageUp", false, [40, 2]],
      ["Home", false, [50, 0]],
      ["End", false, [50, 4]],
      ["Home", true, [0, 0]],
      ["End", true, [99, 4]],
    ] as const) {
      expect(focus(press(at(50, 2), key(name, false, ctrl), bounds)), `${name} ${ctrl}`).toEqual(want);
    }
    expect(focus(press(at(99, 4), key("ArrowDown"), bounds))).toEqual([99, 4]);
    expect(press(at(0, 0), key("x"), bounds)).toBeNull();
  });

  it("extends with Shift, takes all columns with Ctrl+A, gives up with Escape", () => {
    const down = press(at(1, 1), key("ArrowDown", true), bounds) ?? at(0, 0);
    expect(range(down)).toEqual({ top: 1, bottom: 2, left: 1, right: 1 });
    const all = press(down, key("a", false, true), bounds) ?? at(0, 0);
    expect(range(all)).toEqual({ top: 1, bottom: 2, left: 0, right: 4 });
    expect(focus(press(all, key("Escape"), bounds))).toEqual([2, 4]);
    expect(press(at(1, 1), key("Escape"), bounds)).toBeNull();
  });
});

describe("view", () => {
  it("reads and writes what the server reads", () => {
    for (const text of ["price.gte.10.5", '"a.""b".eq.x.y', "a.eq.", "a.is.null", 'a.in.(1,"2,3",)']) {
      const filter = parseFilter(text);
      expect(filter && formatFilter(filter)).toBe(text);
    }
    for (const bad of ["", "a", "a.eq", ".eq.1", '"a.eq.1', '"a"x.eq.1']) expect(parseFilter(bad)).toBeNull();
    for (const text of ["-price,id", '-"odd, name","-x"', ""]) expect(formatSort(parseSort(text))).toBe(text);
    expect(words(joinWords(["a", 'b"c', "d,e"]))).toEqual(["a", 'b"c', "d,e"]);
  });

  it("makes filters of what was typed, and back", () => {
    for (const [choice, typed, text] of [
      ["contains", "50%_*\\", "c.ilike.*50\\%\\_\\*\\\\*"],
      ["in", "a, b", "c.in.(a,b)"],
      ["is.not_null", "", "c.is.not_null"],
      ["empty", "", "c.eq."],
      ["not_empty", "", "c.neq."],
      ["in", '"a, b", c', 'c.in.("a, b",c)'],
      ["like", "a%", "c.like.a%"],
    ] as const) {
      const filter = makeFilter("c", choice, typed);
      expect(formatFilter(filter)).toBe(text);
      expect(readFilter(filter)).toEqual({ choice, typed });
    }
    expect(readFilter({ column: "c", operator: "ilike", value: "a*b" })).toEqual({
      choice: "ilike",
      typed: "a*b",
    });
  });

  it("sorts up, down, not at all; with Shift beside the others", () => {
    const up = nextSort([], "a", false);
    const down = nextSort(up, "a", false);
    expect([formatSort(up), formatSort(down), formatSort(nextSort(down, "a", false))]).toEqual([
      "a",
      "-a",
      "",
    ]);
    expect(formatSort(nextSort(down, "b", true))).toBe("-a,b");
    expect(formatSort(nextSort(down, "b", false))).toBe("b");
    expect(formatSort(nextSort(parseSort("a,b"), "a", true))).toBe("-a,b");
  });

  it("takes only cells that can be", () => {
    expect(parseCell("r12c3")).toEqual({ row: 11, col: 2 });
    for (const bad of [null, "", "r0c1", "r1c0", "r1", "r-1c1", "r1c1x"]) expect(parseCell(bad)).toBeNull();
  });
});

const large = { sha256: "ab", length: 900_000, preview: "begins\nso" };

describe("what is shown", () => {
  it("tells NULL, empty text and further lines", () => {
    render(
      <>
        {[null, "", "two\nlines", { hex: "ff" }, "x".repeat(400), large].map((cell) => (
          <div key={JSON.stringify(cell)} role="gridcell">
            {cellText(cell)}
          </div>
        ))}
      </>,
    );
    const shown = screen.getAllByRole("gridcell").map((cell) => cell.textContent);
    expect(shown).toEqual(["NULL", '""', "two\nlines", "\\xff", `${"x".repeat(300)}…`, "begins\nso… 900 kB"]);
    expect(document.querySelector("[data-mark='↵']")?.getAttribute("title")).toBe("U+000A line feed");
  });
});

describe("what is copied", () => {
  it("keeps NULL, empty text, tabs and line breaks apart", () => {
    expect(tsv([[null, "", "a"], ['x\ty"z', { hex: "ff" }, "1.10"], [large]])).toBe(
      '\t""\ta\n"x\ty""z"\t\\xff\t1.10\n"begins\nso… [900000 bytes]"',
    );
  });
});

describe("words and numbers", () => {
  it("formats sizes, times and estimates", () => {
    expect([0, 999, 1000, 1_500_000, 123_456_789, 999_950].map(bytes)).toEqual([
      "0 B",
      "999 B",
      "1.0 kB",
      "1.5 MB",
      "123 MB",
      "1.0 MB",
    ]);
    expect([0.2, 59, 150, 3660].map(duration)).toEqual(["1 s", "59 s", "3 min", "1 h 1 min"]);
    expect([1_000_000, null, -1].map(estimate)).toEqual(["~1,000,000", "unknown", "unknown"]);
    const now = Date.parse("2026-01-10T12:00:00Z");
    expect(ago("2026-01-10T11:57:00Z", now)).toBe("3 minutes ago");
    expect(ago("2026-01-10T11:59:30Z", now)).toBe("just now");
    expect(ago("2026-01-09T11:00:00Z", now)).toBe("yesterday");
  });

  it("finds the SQL in a text, semicolons in names and all", () => {
    expect(splitSql('Run this: GRANT SELECT ON "a;b" TO "r"; Then try again.')).toEqual([
      { sql: false, text: "Run this:" },
      { sql: true, text: 'GRANT SELECT ON "a;b" TO "r";' },
      { sql: false, text: "Then try again." },
    ]);
    expect(splitSql("GRANT USAGE ON SCHEMA s TO r;\nGRANT SELECT ON s.t TO r;")).toEqual([
      { sql: true, text: "GRANT USAGE ON SCHEMA s TO r;\nGRANT SELECT ON s.t TO r;" },
    ]);
    expect(splitSql("Grant it more time.")).toEqual([{ sql: false, text: "Grant it more time." }]);
  });

  it("prints a fingerprint as openssl does", () => {
    expect(fingerprint("ab01ff")).toBe("AB:01:FF");
    expect(fingerprint("AB:01:FF")).toBe("AB:01:FF");
  });

  it("takes a ceiling, none, or says that it is neither", () => {
    const rate = { least: 0.01, most: 1000, whole: false };
    expect(["", " ", "5", "0.5"].map((text) => ceiling(text, rate))).toEqual([null, null, 5, 0.5]);
    const whole = { least: 1, most: 64, whole: true };
    expect(["2", "64"].map((text) => ceiling(text, whole))).toEqual([2, 64]);
    for (const text of ["1.5", "0", "65", "-1", "many", "1e1", "0x2"]) {
      expect(ceiling(text, whole), text).toBeUndefined();
    }
  });

  it("tells the truth about progress", () => {
    expect(percent({ rows: 50, estimated_rows: 200 })).toBe(25);
    expect(percent({ rows: 300, estimated_rows: 200 })).toBe(99);
    expect(percent({ rows: 300, estimated_rows: null })).toBeNull();
    expect(rateOf({ at: 0, rows: 100 }, 2000, 1100)).toBe(500);
    expect(rateOf({ at: 0, rows: 100 }, 500, 1100)).toBeNull();
    expect(rateOf({ at: 0, rows: 100 }, 5000, 100)).toBeNull();
  });
});

describe("pieces", () => {
  const show = (element: React.ReactNode) => render(<MantineProvider>{element}</MantineProvider>);

  it("shows a problem with its cure and its id", () => {
    const problem: Problem = {
      type: "urn:mycorr:problem:table_permission_denied",
      code: "table_permission_denied",
      title: "No permission for the table",
      status: 422,
      detail: "permission denied for table orders",
      fix: "Run this as its owner: GRANT SELECT ON orders TO reader;",
      request_id: "abc-1",
      fields: [],
    };
    show(<ProblemNotice problem={problem} />);
    const alert = screen.getByRole("alert");
    expect(alert.textContent).toContain("permission denied for table orders");
    expect(screen.getByLabelText("SQL").textContent).toBe("GRANT SELECT ON orders TO reader;");
    expect(alert.textContent).toContain("abc-1");
  });

  it("deletes only after the name was typed, and stays open when that fails", async () => {
    const user = userEvent.setup();
    const run = vi.fn().mockRejectedValueOnce({ title: "Conflict", detail: "A job is running." });
    const close = vi.fn();
    show(
      <Confirm opened onClose={close} title="Delete" action="Delete connection" typed="Prod" danger run={run}>
        It is gone for good.
      </Confirm>,
    );
    const button = await screen.findByRole<HTMLButtonElement>("button", { name: "Delete connection" });
    await user.type(screen.getByLabelText("Type Prod to go on"), "Pro");
    expect(button.disabled).toBe(true);
    await user.type(screen.getByLabelText("Type Prod to go on"), "d");
    await user.click(button);
    expect((await screen.findByRole("alert")).textContent).toContain("A job is running.");
    expect(close).not.toHaveBeenCalled();
  });
});
