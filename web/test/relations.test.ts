import { describe, expect, it } from "vitest";
import type { Relation } from "../src/api/client";
import { BOX_WIDTH, boxesOf, lineOf } from "../src/pages/relations";

const refers = (table: string, column: string, target: string): Relation => {
  const [schema = "", name = null] = target.split(".");
  return {
    name: `${table}_${column}`,
    table_id: table,
    columns: [column],
    to_table_id: name === null ? target : null,
    to_schema: name === null ? "public" : schema,
    to_table: name ?? target,
    to_columns: name === null ? ["id"] : [],
  };
};

describe("the diagram", () => {
  const relations = [
    refers("books", "author_id", "authors"),
    refers("books", "sequel_to", "books"),
    refers("copies", "book_id", "books"),
    refers("copies", "shelf_id", "hall.shelves"),
  ];
  const boxes = new Map(boxesOf(relations).map((box) => [box.id, box]));
  const box = (id: string) => boxes.get(id) ?? expect.fail(id);

  it("puts a table beside what refers to it", () => {
    expect(box("authors").x).toBeLessThan(box("books").x);
    expect(box("books").x).toBeLessThan(box("copies").x);
    expect(box("hall.shelves").x).toBe(box("books").x);
    const [above, below] = [box("books"), box("hall.shelves")].sort((a, b) => a.y - b.y);
    expect(below?.y).toBeGreaterThan((above?.y ?? 0) + (above?.height ?? 0));
  });

  it("tells which are not in the Model", () => {
    expect([...boxes.values()].filter(({ outside }) => outside).map(({ id }) => id)).toEqual([
      "hall.shelves",
    ]);
  });

  it("joins the sides that face each other, and a table with itself on the right", () => {
    const books = box("books");
    expect(lineOf(books, "author_id", box("authors"), "id")).toMatch(
      new RegExp(`^M ${books.x} .* ${BOX_WIDTH} \\d+$`),
    );
    const right = books.x + BOX_WIDTH;
    expect(lineOf(books, "sequel_to", books, "id")).toMatch(new RegExp(`^M ${right} .* ${right} \\d+$`));
  });

  it("comes to an end with a circle of references", () => {
    const circle = boxesOf([refers("a", "b_id", "b"), refers("b", "c_id", "c"), refers("c", "a_id", "a")]);
    expect(circle.map(({ id }) => id).sort()).toEqual(["a", "b", "c"]);
  });
});
