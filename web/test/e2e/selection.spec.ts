// Only what is wanted of a table: rows by a filter, columns masked.
import { call, expect, look, signIn, test } from "./page";
import { sql } from "./servers";

test("some rows are imported, and a column is hashed", async ({ page }) => {
  sql("GRANT SELECT ON customers TO mycorr_reader;");
  await signIn(page);
  const { id } = await call<{ id: string }>(page, "POST", "/models", { name: "Only what is wanted" });
  await page.goto(`/models/${id}/import`);
  await page.getByRole("treeitem", { name: /customers/ }).click();
  const preview = page.getByRole("region", { name: "public.customers" });
  await preview.getByRole("button", { name: "Filter" }).click();
  await page.getByLabel("Column", { exact: true }).selectOption("id");
  await page.getByLabel("Condition").selectOption("is at most");
  await page.getByLabel("Value", { exact: true }).fill("20");
  await page.getByRole("button", { name: "Apply filter" }).click();
  await expect(preview.getByText("Only these rows come over")).toBeVisible();
  await preview.getByLabel("What is stored of email").selectOption("a keyed hash");
  await preview.getByLabel("What is stored of name").selectOption("nothing but whether there is one");
  await look(page, "import-selection");
  await preview.getByRole("button", { name: "Import table" }).click();

  // The import opens its table once it is done.
  const badge = page.getByRole("group", { name: "What of the source is here" });
  await expect(badge).toContainText("Only rows where id is at most 20");
  await expect(badge).toContainText("email hashed, name redacted");
  const grid = page.getByRole("grid").first();
  await expect(grid.getByText("[redacted]").first()).toBeVisible();
  await expect(grid.getByText("@example.org")).toHaveCount(0);
  await look(page, "data-selection");
  const tables = await call<{ items: { rows: number }[] }>(page, "GET", `/models/${id}/tables`);
  expect(tables.items[0]?.rows).toBe(20);
});

test("a condition that the database does not take is told", async ({ page }) => {
  sql("GRANT SELECT ON customers TO mycorr_reader;");
  await signIn(page);
  const { id } = await call<{ id: string }>(page, "POST", "/models", { name: "Refused" });
  await page.goto(`/models/${id}/import`);
  await page.getByRole("treeitem", { name: /customers/ }).click();
  const preview = page.getByRole("region", { name: "public.customers" });
  await preview.getByRole("button", { name: "Filter" }).click();
  await page.getByLabel("Column", { exact: true }).selectOption("id");
  await page.getByLabel("Value", { exact: true }).fill("many");
  await page.getByRole("button", { name: "Apply filter" }).click();
  await preview.getByRole("button", { name: "Import table" }).click();
  await expect(page.getByText(/can't apply the condition id\.eq\.many/)).toBeVisible();
});

test("a version is compared with its source", async ({ page }) => {
  sql("GRANT SELECT ON customers TO mycorr_reader;");
  await signIn(page);
  const { id } = await call<{ id: string }>(page, "POST", "/models", { name: "Proven" });
  await page.goto(`/models/${id}/import`);
  await page.getByRole("treeitem", { name: /customers/ }).click();
  const preview = page.getByRole("region", { name: "public.customers" });
  await preview.getByLabel("Compare with the database afterwards").check();
  await preview.getByRole("button", { name: "Import table" }).click();
  await expect(page.getByText("Version 1 equals its source")).toBeVisible();
  await look(page, "receipt-equal");
  sql("UPDATE customers SET name = name || ' moved' WHERE id = 1;");
  await page.getByRole("button", { name: "Actions on this table" }).click();
  await page.getByRole("menuitem", { name: "Compare with the source" }).click();
  await expect(page.getByText("The source has changed since version 1 was read")).toBeVisible();
  await expect(page.getByRole("region", { name: "Columns that differ" })).toContainText("name");
  await look(page, "receipt-changed");
  sql("UPDATE customers SET name = 'Customer 1' WHERE id = 1;");
});
