// Saved views, alternatives, lists of values, and what Back and a link bring.
import type { Page } from "@playwright/test";
import { call, copied, expect, look, signIn, test } from "./page";
import { sql } from "./servers";

/** A Model with one small table of its own, opened; its path. */
async function open(page: Page, name: string): Promise<string> {
  await signIn(page);
  sql(`DROP TABLE IF EXISTS ${name}; CREATE TABLE ${name} (id bigint PRIMARY KEY, state text, price numeric(8,2), paid boolean, due date);
    INSERT INTO ${name} SELECT i, (ARRAY['open', 'sent', 'late'])[1 + i % 3], i * 1.5, i % 4 = 0, date '2026-01-01' + i % 30
    FROM generate_series(1, 300) i;
    GRANT SELECT ON ${name} TO mycorr_reader;`);
  const connections = await call<{ items: { id: string }[] }>(page, "GET", "/connections");
  const model = await call<{ id: string }>(page, "POST", "/models", { name: `Views of ${name}` });
  const begun = await call<{ table: { id: string } }>(page, "POST", `/models/${model.id}/imports`, {
    connection_id: connections.items[0]?.id,
    schema: "public",
    table: name,
  });
  await expect
    .poll(async () => (await page.request.get(`/api/v1/tables/${begun.table.id}`)).status(), {
      timeout: 60_000,
    })
    .toBe(200);
  const path = `/models/${model.id}?table=${begun.table.id}`;
  await page.goto(path);
  await expect(cell(page, 1, 1)).toHaveText("1");
  return path;
}

const grid = (page: Page) => page.getByRole("grid", { name: /^Rows of/ });
const cell = (page: Page, row: number, column: number) =>
  grid(page).locator(`[aria-rowindex="${row + 1}"] > [aria-colindex="${column + 1}"]`);
const filter = (page: Page) => page.getByRole("button", { name: "Filter", exact: true }).click();
const heads = (page: Page) =>
  grid(page)
    .getByRole("columnheader")
    .evaluateAll((all) => all.flatMap((head) => head.querySelector(".grid-th-line")?.textContent ?? []));

test("a view keeps filters, sort, columns, widths and pins, and Back undoes it", async ({ page }) => {
  const path = await open(page, "viewed");
  await page.getByRole("button", { name: "Views", exact: true }).click();
  await expect(page.getByText("A view keeps filters, sort, columns, widths and pins")).toBeVisible();
  await look(page, "views-empty");
  await page.keyboard.press("Escape");

  // Filtered by a list that the profile gave, sorted, a column hidden, one pinned and made wider.
  await filter(page);
  await page.getByLabel("Column", { exact: true }).selectOption("state");
  await expect(page.getByLabel("Condition")).toHaveValue("in");
  await expect(page.getByText("All values of the table")).toBeVisible();
  await expect(page.getByRole("group", { name: "All values of the table" })).toContainText("late100");
  await look(page, "filter-list");
  await page.getByRole("checkbox", { name: "late" }).check();
  await page.getByRole("checkbox", { name: "open" }).check();
  await page.getByRole("button", { name: "Apply filter" }).click();
  await expect(page.getByText("200 of 300 rows")).toBeVisible();
  const headMenu = async (column: string, item: string) => {
    await page.getByRole("button", { name: `Menu of column ${column}` }).click();
    await page.getByRole("menuitem", { name: item, exact: true }).click();
    await page.keyboard.press("Escape");
  };
  await headMenu("price", "Sort, largest first");
  await headMenu("due", "Hide");
  await headMenu("price", "Pin to the left");
  await headMenu("price", "Wider");
  await expect(page).toHaveURL(/pin=price/);
  await expect(page).toHaveURL(/w=price\./);
  expect(await heads(page)).toEqual(["price", "id", "state", "paid"]);
  const width = (
    await grid(page)
      .getByRole("columnheader", { name: /^price/ })
      .boundingBox()
  )?.width;

  await page.getByRole("button", { name: "Views", exact: true }).click();
  await page.getByRole("button", { name: "Save this view…" }).click();
  await page.getByLabel("Name").fill("Not sent");
  await look(page, "views-save");
  await page.getByRole("button", { name: "Save view" }).click();
  await expect(page.getByRole("button", { name: "Not sent", exact: true })).toBeVisible();

  // From the bare table the view brings all of it at once, and Back takes it away at once.
  await page.evaluate(() => localStorage.clear());
  await page.goto(path);
  await expect(page.getByText("300 rows", { exact: true })).toBeVisible();
  await page.getByRole("button", { name: "Views", exact: true }).click();
  await look(page, "views-list");
  await page
    .getByRole("list", { name: "Saved views" })
    .getByRole("button", { name: "Not sent", exact: true })
    .click();
  await expect(page.getByText("200 of 300 rows")).toBeVisible();
  await expect(cell(page, 1, 1)).toHaveText("450.00");
  expect(await heads(page)).toEqual(["price", "id", "state", "paid"]);
  expect(
    (
      await grid(page)
        .getByRole("columnheader", { name: /^price/ })
        .boundingBox()
    )?.width,
  ).toBe(width);
  await expect(page.getByRole("button", { name: "Not sent", exact: true })).toBeVisible();
  await look(page, "views-applied");
  await page.goBack();
  await expect(page.getByText("300 rows", { exact: true })).toBeVisible();
  expect(await heads(page)).toEqual(["id", "state", "price", "paid", "due"]);
  await page.goForward();
  await expect(page.getByText("200 of 300 rows")).toBeVisible();

  // The same name replaces it; then it goes.
  await page.getByRole("button", { name: "Remove the filter on state" }).click();
  await page.getByRole("button", { name: "Views", exact: true }).click();
  await page.getByRole("button", { name: "Save this view…" }).click();
  await page.getByLabel("Name").fill("Not sent");
  await page.getByRole("button", { name: "Save view" }).click();
  await page.getByRole("button", { name: "Not sent", exact: true }).click();
  await page.getByRole("button", { name: "Delete the view Not sent" }).click();
  await page.getByRole("dialog").getByRole("button", { name: "Delete view" }).click();
  await page.getByRole("button", { name: "Views", exact: true }).click();
  await expect(page.getByText("A view keeps filters")).toBeVisible();
});

test("a view is renamed, and does not take the name of another one", async ({ page }) => {
  await open(page, "renamed");
  const views = page.getByRole("button", { name: "Views", exact: true });
  const list = page.getByRole("list", { name: "Saved views" });
  const dialog = page.getByRole("dialog", { name: "Rename the view" });
  const save = async (name: string) => {
    await page.getByRole("button", { name: "Save this view…" }).click();
    const saving = page.getByRole("dialog", { name: "Save this view" });
    await saving.getByLabel("Name").fill(name);
    await saving.getByRole("button", { name: "Save view" }).click();
    await expect(saving).toHaveCount(0);
  };
  await views.click();
  await save("Everything");
  // The one that is looked at gives the button its name.
  await page.getByRole("button", { name: "Everything", exact: true }).click();
  await page.getByRole("button", { name: "Rename the view Everything" }).click();
  await expect(dialog.getByLabel("Name")).toHaveValue("Everything");
  await expect(dialog.getByRole("button", { name: "Rename", exact: true })).toBeDisabled();
  await dialog.getByLabel("Name").fill("All rows");
  await look(page, "views-rename");
  await dialog.getByRole("button", { name: "Rename", exact: true }).click();
  await expect(dialog).toHaveCount(0);
  await page.getByRole("button", { name: "All rows", exact: true }).click();
  await expect(list.getByRole("listitem")).toHaveCount(1);
  await expect(list.getByRole("button", { name: "All rows", exact: true })).toBeVisible();
  await page.keyboard.press("Escape");

  await grid(page)
    .getByRole("button", { name: /^price/ })
    .click();
  await views.click();
  await save("By price");
  await page.getByRole("button", { name: "By price", exact: true }).click();
  await page.getByRole("button", { name: "Rename the view By price" }).click();
  await dialog.getByLabel("Name").fill("All rows");
  await dialog.getByRole("button", { name: "Rename", exact: true }).click();
  await expect(dialog.getByText("Another view of this table has this name.")).toBeVisible();
  await dialog.getByRole("button", { name: "Cancel" }).click();
  await expect(dialog).toHaveCount(0);
  // Both are as they were, after a reload too.
  await page.reload();
  await page.getByRole("button", { name: "By price", exact: true }).click();
  await expect(list.getByRole("listitem")).toHaveCount(2);
  await list.getByRole("button", { name: "All rows", exact: true }).click();
  await expect(page).not.toHaveURL(/sort=/);
  await expect(page.getByRole("button", { name: "All rows", exact: true })).toBeVisible();
});

test("one of several conditions is a filter", async ({ page }) => {
  await open(page, "alternatives");
  await filter(page);
  await page.getByLabel("Column", { exact: true }).selectOption("state");
  await page.getByRole("checkbox", { name: "late" }).check();
  await page.getByRole("button", { name: "Or…" }).click();
  await expect(page.getByRole("list", { name: "One of these" })).toContainText("state is one of late or");
  await page.getByLabel("Column", { exact: true }).selectOption("id");
  await page.getByLabel("Condition").selectOption("lte");
  await expect(page.getByLabel("Condition").locator("option", { hasText: "is between" })).toHaveCount(0);
  await page.getByLabel("Value", { exact: true }).fill("3");
  await look(page, "filter-or");
  await page.getByRole("button", { name: "Apply filter" }).click();
  await expect(page.getByText("102 of 300 rows")).toBeVisible();
  await expect(page.getByRole("group", { name: "Filters" })).toContainText(
    "state is one of late or id is at most 3",
  );
  await look(page, "data-or");
  await page.reload();
  await expect(page.getByText("102 of 300 rows")).toBeVisible();
  // It is opened as it was made; without its first half the other stays.
  await page.getByRole("button", { name: /state is one of late or id is at most 3/ }).click();
  await expect(page.getByLabel("Value", { exact: true })).toHaveValue("3");
  await page.getByRole("button", { name: "Remove the alternative on state" }).click();
  await page.getByRole("button", { name: "Apply filter" }).click();
  await expect(page.getByText("3 of 300 rows")).toBeVisible();
});

test("a filter asks in the words of its column's type", async ({ page }) => {
  await open(page, "typed");
  const apply = page.getByRole("button", { name: "Apply filter" });
  await filter(page);
  await page.getByLabel("Column", { exact: true }).selectOption("paid");
  await expect(page.getByLabel("Value", { exact: true })).toHaveValue("t");
  await apply.click();
  await expect(page.getByText("75 of 300 rows")).toBeVisible();
  await page.getByRole("button", { name: "Remove the filter on paid" }).click();

  await filter(page);
  await page.getByLabel("Column", { exact: true }).selectOption("due");
  await page.getByLabel("Condition").selectOption("between");
  await page.getByLabel("From", { exact: true }).fill("2026-01-02");
  await page.getByLabel("To", { exact: true }).fill("2026-01-03");
  await apply.click();
  await expect(page.getByText("20 of 300 rows")).toBeVisible();
  await page.getByRole("button", { name: "Clear filters" }).click();

  await cell(page, 2, 2).click({ button: "right" });
  await page.getByRole("menuitem", { name: "Only rows with this value" }).click();
  await expect(page.getByText("100 of 300 rows")).toBeVisible();
  // Each change is undone by Back.
  await page.goBack();
  await expect(page.getByText("300 rows", { exact: true })).toBeVisible();
  await page.goBack();
  await expect(page.getByText("20 of 300 rows")).toBeVisible();
});

test("Ctrl-K finds tables and their columns", async ({ page }) => {
  await open(page, "found");
  await page.goto("/jobs");
  await page.keyboard.press("Control+k");
  await page.keyboard.type("of found");
  const choices = page.getByRole("listbox");
  await expect(choices.getByRole("option", { name: /price.*Column of found/ })).toBeVisible();
  await look(page, "command-columns");
  await choices.getByRole("option", { name: /price.*Column of found/ }).click();
  await expect(grid(page)).toBeVisible();
  await expect(cell(page, 1, 3)).toHaveClass(/active/);
  await expect(page).toHaveTitle(/^found · Views of found · Mycorr/);
});

test("a link names its version, and shows it after the next sync", async ({ page }) => {
  await open(page, "linked");
  await grid(page)
    .getByRole("button", { name: /^price/ })
    .click();
  const link = String(await copied(page, () => page.getByRole("button", { name: "Copy link" }).click()));
  expect(new URL(link).searchParams.get("v")).toBe("1");
  sql("DELETE FROM linked WHERE id > 10;");
  await page.getByRole("button", { name: "Sync now" }).click();
  await expect(page.getByText("10 rows", { exact: true })).toBeVisible({ timeout: 60_000 });
  await page.goto(link);
  await expect(page.getByText("You are looking at version 1")).toBeVisible();
  await expect(page.getByText("300 rows", { exact: true })).toBeVisible();
});

test("Ctrl-K finds a table in the last of many Models", async ({ page }) => {
  await open(page, "beyond");
  for (let at = 0; at < 65; at += 1)
    await call(page, "POST", "/models", { name: `Shelf ${String(at).padStart(2, "0")}` });
  const models = await call<{ items: { name: string }[] }>(page, "GET", "/models?limit=1000");
  const place = models.items.findIndex(({ name }) => name === "Views of beyond");
  expect(Math.max(place, models.items.length - 1 - place)).toBeGreaterThan(60);
  await page.goto("/jobs");
  await page.keyboard.press("Control+k");
  await page.keyboard.type("table in views of beyond beyond");
  const choice = page.getByRole("listbox").getByRole("option", { name: /^beyond.*Table in Views of beyond/ });
  await choice.click();
  await expect(page).toHaveTitle(/^beyond · Views of beyond · Mycorr/);
  await page.keyboard.press("Control+k");
  await page.keyboard.type("no such table anywhere");
  await expect(page.getByText("Nothing is called that.")).toBeVisible();
});
