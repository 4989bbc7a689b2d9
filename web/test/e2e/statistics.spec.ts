// What a database knows of a table before it is read: what an import takes, and what the columns hold.
import type { Page } from "@playwright/test";
import { call, expect, look, signIn, test } from "./page";
import { sql } from "./servers";

async function connection(page: Page) {
  const { items } = await call<{ items: { id: string; name: string }[] }>(page, "GET", "/connections");
  return items.find((one) => one.name === "Shop replica")?.id;
}

async function open(page: Page, table: string) {
  const models = await call<{ items: { id: string }[] }>(page, "GET", "/models");
  await page.goto(`/models/${models.items[0]?.id}/import`);
  await page.getByLabel("Filter schemas and tables").fill(table);
  await page.getByRole("treeitem", { name: new RegExp(`\\b${table}\\b`) }).click();
  await expect(page.getByRole("region", { name: `public.${table}` })).toBeVisible();
}

test("statistics tell of columns without a read, and values only when somebody asks", async ({ page }) => {
  sql(`CREATE TABLE letters (id int, kind text, town text);
    INSERT INTO letters SELECT n, CASE n % 4 WHEN 0 THEN NULL WHEN 1 THEN 'bill' ELSE 'offer' END, 'Town ' || n FROM generate_series(1, 4000) n;
    GRANT SELECT ON letters TO mycorr_reader; ANALYZE letters;`);
  await signIn(page);
  const asked: string[] = [];
  page.on("request", (request) => {
    if (request.url().includes("/source-table?")) asked.push(request.url());
  });
  await open(page, "letters");
  const price = page.getByRole("region", { name: "What an import takes" });
  await expect(price).toContainText(/~\d+ kB, ~\d+ pages/);
  await expect(price).toContainText("this connection has no limit");
  const row = (name: string) =>
    page
      .getByRole("region", { name: "Columns" })
      .getByRole("row")
      .filter({ has: page.getByRole("checkbox", { name, exact: true }) });
  await expect(row("kind")).toContainText("~25 %");
  await expect(row("kind")).toContainText("~2");
  await expect(row("id")).toContainText("~4,000");
  await expect(page.getByText(/from a sample of its rows that it took just now/)).toBeVisible();
  await expect(page.getByRole("region", { name: "Columns" }).getByText("offer")).toHaveCount(0);
  expect(asked.some((url) => url.includes("most_common"))).toBe(false);
  await look(page, "statistics");
  await page.getByRole("button", { name: "Show the most common values" }).click();
  await expect(row("kind")).toContainText("offer 50 %bill 25 %");
  await expect(row("town")).toContainText("none is found often");
  await look(page, "statistics-values");
  await page.getByRole("button", { name: "Hide the most common values" }).click();
  await expect(row("kind")).not.toContainText("offer");
});

test("a pace has its price, and where nothing is known the page says why", async ({ page }) => {
  sql(`CREATE TABLE never_seen (id int) WITH (autovacuum_enabled = off); INSERT INTO never_seen VALUES (1);
    CREATE TABLE policed (id int, who text); INSERT INTO policed SELECT n, 'x' FROM generate_series(1, 99) n;
    ALTER TABLE policed ENABLE ROW LEVEL SECURITY; CREATE POLICY everything ON policed USING (true); ANALYZE policed;
    CREATE VIEW counted AS SELECT count(*) FROM customers; GRANT SELECT ON never_seen, policed, counted TO mycorr_reader;`);
  await signIn(page);
  const id = await connection(page);
  const headers = { origin: String(process.env.MYCORR_E2E_URL) };
  const limit = (bytes_per_second: number | null) =>
    page.request.patch(`/api/v1/connections/${id}`, {
      data: { limits: { bytes_per_second, imports: null, minutes: null } },
      headers,
    });
  const limited = await limit(1_000_000);
  expect(limited.status()).toBe(200);
  await open(page, "orders");
  await expect(page.getByRole("region", { name: "What an import takes" })).toContainText(
    /About \d+ (s|min) at this connection's pace/,
  );
  expect((await limit(null)).status()).toBe(200);
  await open(page, "never_seen");
  await expect(page.getByText("The database has never analysed this table")).toBeVisible();
  await expect(page.getByText("ANALYZE public.never_seen;")).toBeVisible();
  await look(page, "statistics-never");
  await open(page, "policed");
  await expect(page.getByText("because they would tell of rows that its policies hide")).toBeVisible();
  await open(page, "counted");
  await expect(page.getByText("PostgreSQL keeps no statistics of a view.")).toBeVisible();
});
