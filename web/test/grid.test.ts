import { describe, expect, it } from "vitest";
import type { Column, Job, Table } from "../src/api/client";
import { indent } from "../src/grid/json";
import { allValues, choicesOf, fewValues, kindOf, makeFilters } from "../src/grid/kinds";
import {
  alternatives,
  anyOf,
  filterByValue,
  formatFilter,
  formatWidths,
  parseFilter,
  parseWidths,
} from "../src/grid/view";
import { freeName, importedFrom, isMadeGood, sourceKey } from "../src/pages/imported";
import { isPem, kindOf as kindOfPaste, nameFor } from "../src/pages/pasted";
import { literal } from "../src/pages/Statements";
import { isSameView } from "../src/pages/tableState";
import { age, ago } from "../src/ui/format";

const column = (pg_type: string): Column => ({
  name: "c",
  pg_type,
  type: "",
  position: 1,
  nullable: true,
  order: "type",
  collation: null,
});

describe("filters by type", () => {
  it("know what a column can be asked", () => {
    const kinds = [
      "boolean",
      "numeric(12,2)",
      "date",
      "timestamp with time zone",
      "character varying(9)",
      "order_status",
      "text[]",
    ];
    expect(kinds.map((type) => kindOf(column(type)))).toEqual([
      "boolean",
      "number",
      "date",
      "timestamp",
      "text",
      "other",
      "other",
    ]);
    const ids = (type: string, chosen?: string) => choicesOf(column(type), chosen).map(({ id }) => id);
    expect(ids("boolean")).toEqual(["eq", "is.null", "is.not_null"]);
    expect(ids("boolean", "gt")).toContain("gt");
    expect(ids("text")).toContain("empty");
    expect(ids("integer")).not.toContain("empty");
    expect(choicesOf(column("date")).find(({ id }) => id === "lt")?.label).toBe("is before");
  });

  it("make two filters of a range, and one where an end is open", () => {
    const texts = (...args: [string, string]) => makeFilters("c", "between", ...args).map(formatFilter);
    expect(texts("1", "5")).toEqual(["c.gte.1", "c.lte.5"]);
    expect(texts("1", "")).toEqual(["c.gte.1"]);
    expect(makeFilters("c", "eq", "x", "").map(formatFilter)).toEqual(["c.eq.x"]);
  });

  it("are one where one of several has to hold", () => {
    const texts = ["a.eq.1", 'b.in.("x","y,z")', '"odd.name".is.null'];
    const group = anyOf(texts.flatMap((text) => parseFilter(text) ?? []));
    if (!group) throw new Error("no group");
    expect(formatFilter(group)).toBe('or.(a.eq.1,"b.in.(""x"",""y,z"")","""odd.name"".is.null")');
    expect(alternatives(group).map(formatFilter)).toEqual(texts);
    expect(parseFilter(formatFilter(group))).toEqual(group);
    const [alone] = texts.flatMap((text) => parseFilter(text) ?? []);
    expect(anyOf(alone ? [alone] : [])).toBe(alone);
    for (const bad of ["or.(", "or.()", "or.(a)", "or.(or.(a.eq.1))", "or.(a.eq.1"]) {
      expect(parseFilter(bad), bad).toBeNull();
    }
    expect(parseFilter("or.eq.1")).toEqual({ column: "or", operator: "eq", value: "1" });
  });

  it("offer all values where a profile holds each of them", () => {
    const top = [
      { value: "b", rows: 3 },
      { value: "a", rows: 1 },
    ];
    const of = (distinct: number, distinct_is_exact = true) =>
      allValues({ distinct, distinct_is_exact, top });
    expect(of(2)).toEqual(top);
    expect([of(3), of(2, false), of(0), allValues(undefined)]).toEqual([null, null, null, null]);
    const ids = choicesOf(column("order_status"), undefined, true).map(({ id }) => id);
    expect(ids[0]).toBe("in");
    expect(ids.filter((id) => id === "in")).toHaveLength(1);
    expect(choicesOf(column("boolean"), undefined, true)[0]?.id).toBe("eq");
  });

  it("offer values where they are few", () => {
    expect(fewValues(["b", "a", null, "b", "", undefined])).toEqual(["a", "b"]);
    expect(fewValues(Array.from({ length: 21 }, (_, at) => String(at)))).toBeNull();
    expect(fewValues([null])).toBeNull();
  });

  it("find the rows with a value", () => {
    expect(filterByValue("c", null)).toEqual({ column: "c", operator: "is", value: "null" });
    expect(filterByValue("a.b", "x")).toEqual({ column: "a.b", operator: "eq", value: "x" });
    expect(filterByValue("c", { hex: "ff" })).toBeNull();
  });
});

describe("widths", () => {
  it("stand in the address whatever a column is called", () => {
    const widths = new Map([
      ["a", 120],
      ["b.c,d", 80],
      ['q"', 200.4],
    ]);
    const texts = formatWidths(widths);
    expect(texts).toEqual(["a.120", '"b.c,d".80', '"q""".200']);
    expect(parseWidths(texts)).toEqual(
      new Map([
        ["a", 120],
        ["b.c,d", 80],
        ['q"', 200],
      ]),
    );
    expect(parseWidths(["a.1", "a.9999", "a", "a.x", ".5"])).toEqual(new Map());
  });
});

describe("JSON", () => {
  it("is indented without a letter of its values changed", () => {
    expect(indent('{"a":1.10,"a":[1,{}, [ ] ],"b":"x, {y}\\""}')).toBe(
      '{\n  "a": 1.10,\n  "a": [\n    1,\n    {},\n    []\n  ],\n  "b": "x, {y}\\""\n}',
    );
    expect(indent("12345678901234567890")).toBe("12345678901234567890");
    expect(indent('{"a"')).toBeNull();
    expect(indent('"open')).toBeNull();
  });
});

const table = (name: string, source: string, synced_at: string | null) =>
  ({ id: name, name, source: { connection_id: "k", schema: "s", table: source, synced_at } }) as Table;

describe("what is imported", () => {
  it("is found by its source, the one that was read last", () => {
    const found = importedFrom(
      [table("a", "t", "2026-01-02"), table("b", "t", "2026-01-03"), table("c", "u", null)],
      "k",
    );
    expect(found.get(sourceKey("s", "t"))?.name).toBe("b");
    expect(found.get(sourceKey("s", "u"))?.name).toBe("c");
    expect(importedFrom([table("a", "t", null)], "other").size).toBe(0);
  });

  it("leaves a free name for another copy", () => {
    const tables = [table("t", "t", null), table("t_2", "t", null)];
    const names = tables.map(({ name }) => name);
    expect([freeName("t", names), freeName("u", names)]).toEqual(["t_3", "u"]);
  });

  it("folds a try that a later one made good, and no other", () => {
    const job = (id: string, state: Job["state"], queued_at: string, source = "t") =>
      ({
        id,
        state,
        queued_at,
        table_id: id,
        source: { connection_id: "k", schema: "s", table: source },
      }) as Job;
    const failed = job("1", "failed", "2026-01-01");
    expect(isMadeGood(failed, [failed, job("2", "succeeded", "2026-01-02")])).toBe(true);
    expect(isMadeGood(failed, [failed, job("2", "succeeded", "2025-12-31")])).toBe(false);
    expect(isMadeGood(failed, [failed, job("2", "succeeded", "2026-01-02", "u")])).toBe(false);
    expect(isMadeGood(job("3", "succeeded", "2026-01-01"), [job("2", "succeeded", "2026-01-02")])).toBe(
      false,
    );
  });
});

describe("what is pasted", () => {
  it("is told by what it holds", () => {
    expect(isPem("-----BEGIN CERTIFICATE-----\nMII")).toBe(true);
    expect(isPem("postgres://a")).toBe(false);
    expect(kindOfPaste("postgresql://postgres:x@db.abc.supabase.co:5432/postgres")).toBe("supabase");
    expect(kindOfPaste("postgres://u@db.example.com/shop")).toBe("postgresql");
    expect([nameFor("shop", "db.example.com"), nameFor(null, "h")]).toEqual(["shop on db.example.com", "h"]);
  });
});

describe("times", () => {
  it("are rounded, in the largest unit that says something", () => {
    const now = Date.parse("2026-06-15T12:00:00Z");
    const later = (days: number) => ago(new Date(now + days * 86_400_000 - 5_000).toISOString(), now);
    expect([later(90), later(40), later(365)]).toEqual(["in 3 months", "in 40 days", "in 12 months"]);
    const past = (minutes: number) => age(new Date(now - minutes * 60_000).toISOString(), now);
    expect([past(0), past(5), past(125), past(3000)]).toEqual(["now", "5 min", "2 h", "2 d"]);
  });
});

describe("the ledger", () => {
  it("tells an empty parameter from NULL", () => {
    expect([literal(""), literal(null), literal("it's")]).toEqual(["''", "NULL", "'it''s'"]);
  });
});

describe("saved views", () => {
  it("are the same in whatever order their widths stand", () => {
    const view = {
      sort: "-a",
      filters: ["a.eq.1"],
      columns: null,
      widths: { a: 100, b: 120 },
      pinned: ["a"],
    };
    expect(isSameView(view, { ...view, widths: { b: 120, a: 100 } })).toBe(true);
    expect(isSameView(view, { ...view, sort: "a" })).toBe(false);
    expect(isSameView(view, { ...view, columns: ["a"] })).toBe(false);
    expect(isSameView(view, { ...view, pinned: [] })).toBe(false);
  });
});
