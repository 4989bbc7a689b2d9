import { describe, expect, it } from "vitest";
import type { ColumnProfile } from "../src/api/client";
import { isChosen, pictureOf, toggled } from "../src/grid/profile";
import { formatFilter } from "../src/grid/view";
import { percent } from "../src/ui/format";

const profile = (some: Partial<ColumnProfile>): ColumnProfile => ({
  name: "c",
  nulls: 0,
  distinct: 0,
  distinct_is_exact: true,
  min: null,
  max: null,
  mean: null,
  histogram: [],
  top: [],
  ...some,
});

describe("the picture of a column", () => {
  it("shows few values by themselves, many along their order, and none where all differ", () => {
    const histogram = [
      { from: "0", to: "10", rows: 60 },
      { from: "10", to: "20", rows: 30 },
    ];
    const few = profile({ nulls: 10, distinct: 2, histogram, top: [{ value: "7", rows: 60 }] });
    const picture = pictureOf("c", few, 100);
    expect(picture.shape).toBe("values");
    expect(picture.bars.map(({ kind, rows }) => [kind, rows])).toEqual([
      ["value", 60],
      ["rest", 30],
    ]);
    expect(picture.caption).toBe("10 % null · 2 values");
    expect(picture.nulls?.rows).toBe(10);
    const many = pictureOf("c", profile({ distinct: 12_345, distinct_is_exact: false, histogram }), 95);
    expect(many.shape).toBe("range");
    // Infinity is in no bar.
    expect(many.bars.at(-1)).toEqual({ kind: "rest", label: "Other values", rows: 5, filters: [] });
    expect(many.caption).toBe("~95 values");
    const top = [{ value: "a", rows: 1 }];
    expect(pictureOf("c", profile({ distinct: 3, top }), 3)).toMatchObject({
      shape: "none",
      caption: "all different",
    });
    expect(pictureOf("c", profile({}), 0).caption).toBe("no rows");
    expect(pictureOf("c", profile({ nulls: 4 }), 4).caption).toBe("all null");
  });

  it("filters by one bar of a column at a time, and leaves the others' filters", () => {
    const histogram = [
      { from: "0", to: "10", rows: 6 },
      { from: "10", to: "20", rows: 3 },
    ];
    const column = profile({ nulls: 1, distinct: 9, histogram });
    const { bars, nulls } = pictureOf("c", column, 10);
    const [first, second] = bars;
    if (!first || !second || !nulls) throw new Error("no bars");
    const other = { column: "d", operator: "eq", value: "x" };
    const texts = (filters: Parameters<typeof toggled>[3]) => filters.map(formatFilter);
    const one = toggled("c", column, first, [other]);
    expect(texts(one)).toEqual(["d.eq.x", "c.gte.0", "c.lt.10"]);
    expect(isChosen(first, one)).toBe(true);
    expect(texts(toggled("c", column, second, one))).toEqual(["d.eq.x", "c.gte.10", "c.lt.20"]);
    expect(texts(toggled("c", column, nulls, one))).toEqual(["d.eq.x", "c.is.null"]);
    expect(texts(toggled("c", column, first, one))).toEqual(["d.eq.x"]);
  });

  it("never says that what is something is nothing, or that what is not all is all", () => {
    const cases: [number, number, string][] = [
      [0, 9, "0 %"],
      [1, 1_000_000, "<0.1 %"],
      [1, 30, "3.3 %"],
      [1, 4, "25 %"],
      [996, 1000, "99.6 %"],
      [999_999, 1_000_000, ">99.9 %"],
      [9, 9, "100 %"],
    ];
    for (const [part, whole, text] of cases) expect(percent(part, whole)).toBe(text);
  });
});
