// Foreign keys: from a row to what it refers to and back, and the diagram of a Model's tables.
import { call, expect, look, signIn, test } from "./page";
import { sql } from "./servers";

test("foreign keys are followed both ways, and drawn", async ({ page }) => {
  await signIn(page);
  sql(`DROP SCHEMA IF EXISTS refer CASCADE; CREATE SCHEMA refer;
    CREATE TABLE refer.authors (id int PRIMARY KEY, name text);
    CREATE TABLE refer.books (id int PRIMARY KEY, author_id int REFERENCES refer.authors, sequel_to int REFERENCES refer.books);
    CREATE TABLE refer.shelves (id int PRIMARY KEY);
    CREATE TABLE refer.copies (book_id int REFERENCES refer.books, shelf_id int REFERENCES refer.shelves, n int);
    CREATE TABLE refer.notes (text text);
    INSERT INTO refer.authors VALUES (1, 'Ada'), (2, 'Mary');
    INSERT INTO refer.books VALUES (10, 1, NULL), (11, 2, 10), (12, 2, 11);
    INSERT INTO refer.shelves VALUES (1);
    INSERT INTO refer.copies SELECT 12, 1, n FROM generate_series(1, 3) n;
    GRANT USAGE ON SCHEMA refer TO mycorr_reader; GRANT SELECT ON ALL TABLES IN SCHEMA refer TO mycorr_reader;`);
  const connections = await call<{ items: { id: string }[] }>(page, "GET", "/connections");
  const model = await call<{ id: string }>(page, "POST", "/models", { name: "Library" });
  await page.goto(`/models/${model.id}/diagram`);
  await expect(page.getByRole("heading", { name: "No table here refers to another" })).toBeVisible();
  await look(page, "diagram-empty");
  for (const table of ["authors", "books", "copies", "notes"]) {
    const begun = await call<{ table: { id: string } }>(page, "POST", `/models/${model.id}/imports`, {
      connection_id: connections.items[0]?.id,
      schema: "refer",
      table,
    });
    await expect
      .poll(async () => (await page.request.get(`/api/v1/tables/${begun.table.id}`)).status(), {
        timeout: 60_000,
      })
      .toBe(200);
  }
  await page.reload();
  const references = page.getByRole("region", { name: "References" });
  await expect(references.getByRole("listitem")).toHaveCount(4);
  await expect(references).toContainText("books (author_id) refers to authors (id)");
  await expect(references).toContainText("books (sequel_to) refers to books (id)");
  await expect(references).toContainText("copies (shelf_id) refers to refer.shelves, not in this Model");
  await expect(references).toContainText("Without references: notes.");
  await expect(page).toHaveTitle("Diagram of Library · Mycorr");
  await look(page, "diagram");

  await page
    .getByRole("region", { name: "Diagram of the tables" })
    .getByRole("link", { name: "books" })
    .click();
  const grid = page.getByRole("grid");
  const cell = (row: number, column: number) =>
    grid.locator(`[aria-rowindex="${row + 1}"] > [aria-colindex="${column + 1}"]`);
  await expect(cell(3, 1)).toHaveText("12");
  // By the cell's menu.
  await cell(3, 2).click({ button: "right" });
  await page.getByRole("menuitem", { name: "Go to authors" }).click();
  await expect(page.getByRole("grid", { name: "Rows of authors" })).toBeVisible();
  await expect(page.getByText("1 of 2 rows")).toBeVisible();
  await expect(cell(1, 2)).toHaveText("Mary");
  // And back, by what refers to the row.
  await page.getByRole("button", { name: "Record" }).click();
  const record = page.getByRole("complementary", { name: "Record" });
  await expect(record.getByRole("region", { name: "Rows that refer to this one" })).toContainText(
    "books by author_id",
  );
  await look(page, "record-referred");
  await record.getByRole("link", { name: "books" }).click();
  await expect(page.getByText("2 of 3 rows")).toBeVisible();
  await page.goBack();
  await expect(page.getByText("1 of 2 rows")).toBeVisible();
  await page.goForward();
  // A table that refers to itself; a NULL leads nowhere.
  await page.getByRole("button", { name: "Record" }).click();
  await expect(record.getByRole("link", { name: "Go to authors" })).toBeVisible();
  await record.getByRole("link", { name: "Go to books" }).click();
  await expect(page.getByText("1 of 3 rows")).toBeVisible();
  await expect(cell(1, 1)).toHaveText("10");
  await expect(record.getByRole("link", { name: "Go to authors" })).toBeVisible();
  await expect(record.getByRole("link", { name: "Go to books" })).toHaveCount(0);
});
