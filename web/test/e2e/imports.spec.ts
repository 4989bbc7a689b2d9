// Several imports at once, and the jobs of all Models.
import type { Page } from "@playwright/test";
import { call, expect, look, signIn, test } from "./page";
import { sql } from "./servers";

async function openImport(page: Page, name: string) {
  await signIn(page);
  const { id } = await call<{ id: string }>(page, "POST", "/models", { name });
  await page.goto(`/models/${id}/import`);
  await expect(page.getByRole("treeitem", { name: /warehouse/ })).toBeVisible();
  return id;
}

const item = (page: Page, name: RegExp) => page.getByRole("treeitem", { name });
const mark = (page: Page, name: RegExp) => item(page, name).locator(".tree-mark").click();
const panel = (page: Page) => page.getByRole("region", { name: "Import several tables" });

test("a whole schema and another table are imported together, and synced the next time", async ({ page }) => {
  sql("GRANT SELECT ON customers TO mycorr_reader;");
  const id = await openImport(page, "Together");
  await mark(page, /warehouse/);
  await expect(item(page, /warehouse/)).toHaveAttribute("aria-checked", "true");
  // By key, too.
  await item(page, /customers/).hover();
  const tree = page.getByRole("tree");
  await tree.focus();
  await page.keyboard.press("Home");
  while (!(await item(page, /customers/).getAttribute("class"))?.includes("active"))
    await page.keyboard.press("ArrowDown");
  await page.keyboard.press("Space");
  await expect(item(page, /public/)).toHaveAttribute("aria-checked", "mixed");
  await expect(panel(page)).toContainText("2 tables marked");
  await expect(panel(page)).toContainText("warehouse.stock");
  await look(page, "import-marked");
  await panel(page).getByRole("button", { name: "Import 2 tables" }).click();
  await expect(page.getByText("Import of customers is done")).toBeVisible();
  await expect(page.getByText("Import of stock is done")).toBeVisible();
  await expect(panel(page)).toHaveCount(0);
  await expect(
    item(page, /customers/).getByRole("img", { name: /In this Model as customers/ }),
  ).toBeVisible();

  await mark(page, /customers/);
  await expect(panel(page)).toContainText("will be synced");
  await panel(page).getByRole("button", { name: "Import 1 table" }).click();
  await expect(page.getByText("Sync of customers found nothing new")).toBeVisible();
  const tables = await call<{ items: { name: string; version: number }[] }>(
    page,
    "GET",
    `/models/${id}/tables`,
  );
  expect(tables.items.map(({ name, version }) => [name, version])).toEqual(
    expect.arrayContaining([
      ["customers", 1],
      ["stock", 1],
    ]),
  );
  expect(tables.items).toHaveLength(2);
  await mark(page, /customers/);
  await panel(page)
    .getByLabel(/Import second copies/)
    .check();
  await panel(page).getByRole("button", { name: "Import 1 table" }).click();
  await expect(page.getByText("Import of customers_2 is done")).toBeVisible();
});

test("what can't be queued says why, and is tried again alone", async ({ page }) => {
  sql("GRANT SELECT ON customers, nothing TO mycorr_reader;");
  await openImport(page, "Again");
  await mark(page, /customers/);
  await mark(page, /table nothing/);
  let asked = 0;
  await page.route("**/imports", (route) => {
    asked += 1;
    return asked === 2 ? route.abort() : route.fallback();
  });
  await panel(page).getByRole("button", { name: "Import 2 tables" }).click();
  await expect(panel(page).getByRole("alert")).toContainText("Mycorr does not answer");
  await expect(panel(page).getByText("queued")).toBeVisible();
  await look(page, "import-marked-failed");
  await panel(page).getByRole("button", { name: "Try 1 table again" }).click();
  await expect(page.getByText("Import of nothing is done")).toBeVisible();
  await expect(page.getByText("Import of customers is done")).toBeVisible();
  expect(asked).toBe(3);
});

test("a failed import is tried again, and fades once a later one went well", async ({ page }) => {
  sql(`CREATE TABLE divisor AS SELECT 0 AS n; CREATE VIEW flaky AS SELECT 1 / n AS quotient FROM divisor;
    GRANT SELECT ON flaky TO mycorr_reader;`);
  const id = await openImport(page, "Flaky");
  await item(page, /flaky/).click();
  await page.getByRole("button", { name: "Import table" }).click();
  const jobs = page.getByRole("region", { name: "Imports and syncs" });
  await expect(jobs).toContainText("Import of flaky failed");
  await expect(jobs.getByRole("alert")).toContainText("it divides by zero");
  sql("UPDATE divisor SET n = 1;");
  await jobs.getByRole("link", { name: "Retry flaky" }).click();
  await expect(page.getByRole("button", { name: "Import table" })).toBeFocused();
  await page.keyboard.press("Enter");
  await expect(page.getByRole("grid", { name: "Rows of flaky" })).toBeVisible();

  // Folded in the Model, and no longer red among all jobs.
  await page.goto(`/models/${id}/import`);
  await expect(jobs).toContainText("Import of flaky is done");
  await expect(jobs.getByText("Import of flaky failed")).toBeHidden();
  await jobs.getByText("1 earlier try that a later one made good").click();
  await expect(jobs.getByText("Import of flaky failed")).toBeVisible();
  await jobs.getByRole("link", { name: "All jobs of this Model" }).click();
  await expect(page.getByText("Import of flaky failed, and a later one went well")).toBeVisible();
  await expect(page.getByRole("alert")).toHaveCount(0);
  await expect(page.getByRole("link", { name: "Retry flaky" })).toHaveCount(0);
  await look(page, "jobs-made-good");
  await page.getByText("Why", { exact: true }).click();
  await expect(page.getByText("it divides by zero")).toBeVisible();
  // A sync that failed is queued anew where it is told.
  sql("UPDATE divisor SET n = 0;");
  await page.goto(`/models/${id}`);
  await page.getByRole("button", { name: "Sync now" }).click();
  await expect(page.getByRole("alert")).toContainText("The last sync failed");
  sql("UPDATE divisor SET n = 2;");
  await page.goto(`/jobs?model=${id}`);
  await page.getByRole("button", { name: "Retry flaky" }).click();
  await expect(page.getByText("Sync of flaky is done")).toBeVisible();
  await expect(page.getByRole("alert")).toHaveCount(0);
});

test("a failed import is tried again with its columns, filter and masks", async ({ page }) => {
  sql(`CREATE TABLE share AS SELECT 0 AS n;
    CREATE VIEW chosen AS SELECT id, name, email, joined, 1 / n AS quotient FROM customers, share;
    GRANT SELECT ON chosen TO mycorr_reader;`);
  const id = await openImport(page, "Chosen");
  await item(page, /chosen/).click();
  const preview = page.getByRole("region", { name: "public.chosen" });
  await preview.getByRole("button", { name: "Filter" }).click();
  await page.getByLabel("Column", { exact: true }).selectOption("id");
  await page.getByLabel("Condition").selectOption("is at most");
  await page.getByLabel("Value", { exact: true }).fill("20");
  await page.getByRole("button", { name: "Apply filter" }).click();
  await preview.getByRole("checkbox", { name: "joined" }).uncheck();
  await preview.getByLabel("What is stored of email").selectOption("a keyed hash");
  await preview.getByLabel("Name in this Model").fill("picked");
  await preview.getByRole("button", { name: "Import table" }).click();
  await expect(page.getByRole("region", { name: "Imports and syncs" })).toContainText(
    "Import of picked failed",
  );

  sql("UPDATE share SET n = 1;");
  await page.goto(`/jobs?model=${id}`);
  await page.getByRole("link", { name: "Retry picked" }).click();
  await expect(preview.getByText("Only these rows come over")).toBeVisible();
  await expect(preview.getByRole("checkbox", { name: "joined" })).not.toBeChecked();
  await expect(preview.getByLabel("What is stored of email")).toHaveValue("hash");
  await expect(preview.getByText("Choose columns, filter and masks again")).toHaveCount(0);
  await preview.getByRole("button", { name: "Import table" }).click();
  const badge = page.getByRole("group", { name: "What of the source is here" });
  await expect(badge).toContainText("Only rows where id is at most 20");
  await expect(badge).toContainText("email hashed");
  await expect(page.getByRole("grid", { name: "Rows of picked" })).toHaveAttribute("aria-colcount", "5");

  // Another browser does not know what was chosen, and says so before somebody imports what was to be masked.
  const failed = await call<{ items: { id: string; state: string }[] }>(page, "GET", `/models/${id}/jobs`);
  const job = failed.items.find(({ state }) => state === "failed")?.id;
  const connections = await call<{ items: { id: string }[] }>(page, "GET", "/connections");
  await page.evaluate(() => localStorage.clear());
  await page.goto(
    `/models/${id}/import?connection=${connections.items[0]?.id}&schema=public&from=chosen&retry=${job}`,
  );
  await expect(preview.getByText("Choose columns, filter and masks again")).toBeVisible();
});

test("one stream tells of all jobs, and they can be stopped together", async ({ page }) => {
  sql("CREATE OR REPLACE VIEW sleepy AS SELECT * FROM slow; GRANT SELECT ON slow, sleepy TO mycorr_reader;");
  const streams: string[] = [];
  page.on("request", (request) => {
    if (request.url().endsWith("/events")) streams.push(new URL(request.url()).pathname);
  });
  await openImport(page, "Slow");
  await mark(page, /view slow/);
  await mark(page, /sleepy/);
  await panel(page).getByRole("button", { name: "Import 2 tables" }).click();
  await expect(page.getByRole("progressbar", { name: "Import of slow", exact: true })).toBeVisible();
  await expect(page.getByRole("progressbar", { name: "Import of sleepy" })).toBeVisible();
  await page.getByRole("link", { name: /2 jobs running/ }).click();
  await expect(page.getByRole("heading", { name: "Jobs" })).toBeVisible();
  await expect(page.getByRole("progressbar")).toHaveCount(2);
  await look(page, "jobs");
  // After a reload they are found again.
  await page.reload();
  await expect(page.getByRole("link", { name: /2 jobs running/ })).toBeVisible();
  await page.getByRole("button", { name: "Running" }).click();
  await expect(page).toHaveURL(/state=running/);
  await expect(page.getByRole("progressbar")).toHaveCount(2);
  await page.getByRole("button", { name: "Cancel all" }).click();
  await page.getByRole("button", { name: "Cancel 2 jobs" }).click();
  await expect(page.getByRole("heading", { name: "No such job" })).toBeVisible();
  await expect(page.getByRole("link", { name: /jobs? running/ })).toHaveCount(0);
  await page.getByRole("button", { name: "Cancelled" }).click();
  await expect(page.getByText("Import of sleepy was cancelled")).toBeVisible();
  expect(new Set(streams)).toEqual(new Set(["/api/v1/jobs/events"]));
  // Once for each load of the page.
  expect(streams.length).toBeLessThanOrEqual(3);
});
