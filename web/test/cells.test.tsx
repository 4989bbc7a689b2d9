import { fireEvent, render, screen } from "@testing-library/react";
import { describe, expect, it } from "vitest";
import type { Cell } from "../src/api/client";
import { parseArray } from "../src/grid/array";
import { blockSize, blocksOf, merged } from "../src/grid/blocks";
import { dropPlace, type Layout, layout, placedBefore } from "../src/grid/columns";
import { parseDecimal, printDecimal, summarise } from "../src/grid/decimal";
import { findCell } from "../src/grid/find";
import { jsonTree } from "../src/grid/json";
import { RecordValue } from "../src/pages/RecordValue";

const sumOf = (...texts: (string | null)[]) =>
  summarise(
    [true],
    texts.map((text) => [text]),
  );

describe("sums", () => {
  it("keep every digit", () => {
    expect(sumOf("0.1", "0.2").sum).toBe("0.3");
    expect(sumOf("9007199254740993", "1").sum).toBe("9,007,199,254,740,994");
    expect(sumOf("12345678901234567890.123456789", "-0.000000001").sum).toBe(
      "12,345,678,901,234,567,890.123456788",
    );
    expect(sumOf("-0.05", "0.04").sum).toBe("-0.01");
    expect(sumOf("1e+20", "1.5e-05").sum).toBe("100,000,000,000,000,000,000.000015");
    expect(sumOf("-$1,234.50", "$0.50").sum).toBe("-1,234.00");
    expect(sumOf("10.50", "2.5").sum).toBe("13.00");
  });

  it("say where a mean had to be rounded", () => {
    expect(sumOf("1", "2").mean).toEqual({ text: "1.5", exact: true });
    expect(sumOf("1", "1", "2").mean).toEqual({ text: "1.333333", exact: false });
    expect(sumOf("-1", "-1", "-3").mean).toEqual({ text: "-1.666667", exact: false });
    expect(sumOf("2.00", "2.00").mean).toEqual({ text: "2.00", exact: true });
  });

  it("count values and NULLs, and sum only columns of numbers", () => {
    const rows = [
      ["1", "a"],
      [null, "2"],
      ["3", null],
    ];
    expect(summarise([true, false], rows)).toEqual({
      values: 4,
      nulls: 2,
      sum: "4",
      mean: { text: "2", exact: true },
    });
    expect(summarise([false], [["1"]]).sum).toBeNull();
    expect(sumOf(null, null)).toEqual({ values: 0, nulls: 2, sum: null, mean: null });
  });

  it("follow PostgreSQL where there is no number", () => {
    expect(sumOf("1", "Infinity").sum).toBe("Infinity");
    expect(sumOf("Infinity", "-Infinity").sum).toBe("NaN");
    expect(sumOf("NaN", "1").sum).toBe("NaN");
    expect(summarise([true], [[{ hex: "ff" }]]).sum).toBeNull();
    expect(sumOf("1", `1${"0".repeat(3000)}`).sum).toBeNull();
    expect(parseDecimal("1e99999")).toBeNull();
    expect([parseDecimal("."), parseDecimal(""), parseDecimal("1.2.3")]).toEqual([null, null, null]);
  });

  it("print what they parse", () => {
    for (const text of ["0", "0.00", "-0.5", "1,000", "123,456.7890", "999"]) {
      const parsed = parseDecimal(text);
      expect(parsed && printDecimal(parsed)).toBe(text);
    }
  });
});

describe("arrays", () => {
  it("are read as PostgreSQL prints them", () => {
    expect(parseArray('{1,NULL,"NULL",""}')).toEqual(["1", null, "NULL", ""]);
    expect(parseArray('{"a,b","say \\"x\\"","back\\\\slash"}')).toEqual(["a,b", 'say "x"', "back\\slash"]);
    expect(parseArray("{{1,2},{3,4}}")).toEqual([
      ["1", "2"],
      ["3", "4"],
    ]);
    expect(parseArray("[0:1]={x,y}")).toEqual(["x", "y"]);
    expect(parseArray("{}")).toEqual([]);
    expect([parseArray("x"), parseArray("{1"), parseArray("{1}}"), parseArray("{1} ")]).toEqual([
      null,
      null,
      null,
      null,
    ]);
  });
});

describe("JSON as a tree", () => {
  it("keeps the letters of its leaves, and keys that stand twice", () => {
    const tree = jsonTree('{"a": 1.10, "a": [true, {}], "b\\"": 12345678901234567890}');
    expect(tree).toMatchObject({
      entries: [
        { key: '"a"', node: { kind: "value", text: "1.10" } },
        {
          key: '"a"',
          node: { kind: "list", open: "[", entries: [{ key: null }, { node: { entries: [] } }] },
        },
        { key: '"b\\""', node: { text: "12345678901234567890" } },
      ],
    });
  });

  it("is none where it is no JSON, or too deep", () => {
    for (const text of ["{", '{"a" 1}', "[1 2]", "[,]", '{"a":}', "1 2", ""])
      expect(jsonTree(text)).toBeNull();
    expect(jsonTree(`${"[".repeat(100)}1${"]".repeat(100)}`)).toBeNull();
  });
});

describe("a value of a record", () => {
  const show = (cell: Cell | null, type: string) =>
    render(<RecordValue cell={cell} type={type} onOpen={() => undefined} />).container;

  it("folds what is inside JSON", () => {
    const shown = show('{"cart": {"id": 7}}', "jsonb");
    expect(shown.textContent).toContain("1 key");
    expect(shown.textContent).not.toContain("7");
    fireEvent(shown.querySelectorAll("details")[1] as Element, new Event("toggle"));
    const inner = shown.querySelectorAll("details")[1] as HTMLDetailsElement;
    inner.open = true;
    fireEvent(inner, new Event("toggle"));
    expect(shown.textContent).toContain("id: 7");
  });

  it("lists an array, and sees an image in bytes", () => {
    expect(show("{gift,NULL}", "text[]").textContent).toBe("2 itemsgiftNULL");
    const shown = show("\\x89504e470d0a1a0a00", "bytea");
    expect(shown.querySelector("img")?.getAttribute("src")).toBe("data:image/png;base64,iVBORw0KGgoA");
    expect(shown.textContent).toContain("9 B");
    expect(show("\\x3c737667", "bytea").querySelector("img")).toBeNull();
    expect(show("not {an} array", "text[]").textContent).toBe("not {an} array");
  });

  it("tells NULL from empty text", () => {
    show(null, "text");
    expect(screen.getByText("NULL")).toBeTruthy();
    expect(show("", "text").textContent).toBe('""');
  });
});

describe("a search in all columns", () => {
  const rows: (string | null)[][] = Array.from({ length: 2500 }, (_, at) => [String(at), null, `Row ${at}`]);
  rows[3] = ["x", "Needle", "y"];
  rows[2400] = ["needle", null, "NEEDLE"];
  const hay = (most = 1000) => ({
    read: async (offset: number, limit: number) => rows.slice(offset, offset + Math.min(limit, most)),
    total: rows.length,
    columns: [2, 1, 0],
  });
  const find = (row: number, col: number, backwards = false, text = "needle", most?: number) =>
    findCell(hay(most), text, { row, col }, backwards, new AbortController().signal, () => undefined);

  it("goes from cell to cell in the order shown, and around the end", async () => {
    expect(await find(0, 0)).toEqual({ row: 3, col: 1 });
    expect(await find(3, 1)).toEqual({ row: 2400, col: 0 });
    expect(await find(2400, 0)).toEqual({ row: 2400, col: 2 });
    expect(await find(2400, 2)).toEqual({ row: 3, col: 1 });
  });

  it("goes backwards too", async () => {
    expect(await find(2400, 2, true)).toEqual({ row: 2400, col: 0 });
    expect(await find(2400, 0, true)).toEqual({ row: 3, col: 1 });
    expect(await find(3, 1, true)).toEqual({ row: 2400, col: 2 });
  });

  it("finds the cell it stands on last, and nothing where nothing is", async () => {
    expect(await find(1234, 2, false, "row 1234")).toEqual({ row: 1234, col: 0 });
    expect(await find(1234, 0, false, "row 1234")).toEqual({ row: 1234, col: 0 });
    expect(await find(10, 1, true, "nowhere")).toBeNull();
  });

  it("misses nothing where an answer holds fewer rows than asked for", async () => {
    expect(await find(3, 1, false, "needle", 7)).toEqual({ row: 2400, col: 0 });
    expect(await find(2400, 0, true, "needle", 7)).toEqual({ row: 3, col: 1 });
  });
});

describe("a column that is dragged", () => {
  const names = ["a", "b", "c", "d"];
  const columns = names.map((name) => ({ name, pg_type: "integer" })) as never[];
  const laid: Layout = layout(columns, names, new Map(names.map((name) => [name, 100])), new Set(["a"]));
  const at = (index: number) => laid.columns[index] as Layout["columns"][number];

  it("comes before the column whose middle is not passed yet", () => {
    expect([120, 160, 240, 390, 9999].map((x) => dropPlace(laid, at(1), x))).toEqual([1, 2, 2, 4, 4]);
  });

  it("stays among its own where some are pinned", () => {
    expect(dropPlace(laid, at(2), 0)).toBe(1);
    expect(dropPlace(laid, at(0), 9999)).toBe(1);
  });

  it("takes its place in the order", () => {
    expect(placedBefore(names, "d", 1)).toEqual(["a", "d", "b", "c"]);
    expect(placedBefore(names, "a", 4)).toEqual(["b", "c", "d", "a"]);
    expect(placedBefore(names, "b", 1)).toEqual(names);
    expect(placedBefore(names, "b", 2)).toEqual(names);
  });
});

describe("blocks of columns", () => {
  it("are asked for by the columns in sight, of a narrow table all at once", () => {
    expect([blockSize(16), blockSize(17), blockSize(0)]).toEqual([16, 8, 1]);
    expect(blocksOf([0, 3, 15], 16)).toEqual([0]);
    expect(blocksOf([59, 0, 8, 9], 60)).toEqual([0, 1, 7]);
  });

  it("make rows in which nothing that is missing looks like NULL", () => {
    const block = (text: string) => [Array.from({ length: 8 }, () => text), [null, ...Array(7).fill("")]];
    const rows = merged([block("a"), undefined, [["z"], [null]]], 17);
    expect(rows).toHaveLength(2);
    expect([rows[0]?.[7], rows[0]?.[8], rows[0]?.[16]]).toEqual(["a", undefined, "z"]);
    expect([rows[1]?.[0], rows[1]?.[16]]).toEqual([null, null]);
    expect(merged([undefined, undefined], 9)).toEqual([]);
  });
});
