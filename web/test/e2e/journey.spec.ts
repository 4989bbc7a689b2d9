// The main job in a browser: first account, connection, import, look, sync, go back.
import type { Page } from "@playwright/test";
import { ADA, expect, look, test } from "./page";
import { ORDERS, PASSWORD, sql } from "./servers";

test.describe.configure({ mode: "serial" });

let page: Page;
test.beforeAll(async ({ browser }) => {
  page = await browser.newPage({
    baseURL: process.env.MYCORR_E2E_URL,
    viewport: { width: 1280, height: 800 },
    reducedMotion: "reduce",
  });
});
test.afterAll(() => page.close());

const grid = () => page.getByRole("grid", { name: /^Rows of/ });
const cell = (row: number, column: number) =>
  grid().locator(`[aria-rowindex="${row + 1}"] > [aria-colindex="${column + 1}"]`);

test("the first account is the administrator's", async () => {
  await page.goto("/");
  await expect(page).toHaveURL("/sign-in");
  await expect(page.getByRole("heading", { name: "Set up Mycorr" })).toBeVisible();
  await look(page, "sign-up");
  await page.getByRole("button", { name: "Create the administrator" }).click();
  await expect(page.getByText("Write an e-mail address.")).toBeVisible();
  await page.getByLabel("Name").fill(ADA.name);
  await page.getByLabel("E-mail").fill(ADA.email);
  await page.getByLabel("Password", { exact: true }).fill(ADA.password);
  await page.getByRole("button", { name: "Create the administrator" }).click();
  await expect(page.getByRole("heading", { name: "Connect a database" })).toBeVisible();
  await look(page, "models-empty");
});

test("signs out and in again", async () => {
  await page.getByRole("button", { name: "Account" }).click();
  await page.getByRole("menuitem", { name: "Sign out" }).click();
  await expect(page.getByRole("heading", { name: "Sign in to Mycorr" })).toBeVisible();
  await page.goto("/settings/tokens");
  await expect(page).toHaveURL(/\/sign-in\?next=/);
  await page.getByLabel("E-mail").fill(ADA.email);
  await page.getByLabel("Password", { exact: true }).fill("not the sentence");
  await page.getByRole("button", { name: "Sign in" }).click();
  await expect(page.getByRole("alert")).toBeVisible();
  await look(page, "sign-in-refused");
  await page.getByLabel("Password", { exact: true }).fill(ADA.password);
  await page.getByRole("button", { name: "Sign in" }).click();
  await expect(page).toHaveURL("/settings/tokens");
});

test("a connection is tested before it is saved, and says which step failed", async () => {
  await page.goto("/settings/connections");
  await expect(page.getByRole("heading", { name: "No connection yet" })).toBeVisible();
  await look(page, "connections-empty");
  await page.getByRole("link", { name: "New connection" }).click();
  await look(page, "connection-kinds");
  await page.getByRole("link", { name: /PostgreSQL/ }).click();
  await page.getByRole("button", { name: "Test and save" }).click();
  await expect(page.getByText("Give it a name.")).toBeVisible();
  await look(page, "connection-new-checked");

  await page.getByLabel("Name", { exact: true }).fill("Shop replica");
  await page.getByLabel("Host").fill("127.0.0.1");
  await page.getByLabel("Port").fill(String(process.env.MYCORR_E2E_PG_PORT));
  await page.getByLabel("Database").fill("shop");
  await page.getByLabel("Username").fill("mycorr_reader");
  await page.getByLabel("Password", { exact: true }).fill(PASSWORD);
  await expect(page.getByRole("switch", { name: "Require encrypted connection" })).toBeChecked();
  await expect(page.getByLabel("SQL", { exact: true })).toContainText(
    "GRANT CONNECT ON DATABASE shop TO mycorr_reader",
  );

  await page.getByRole("button", { name: "Test and save" }).click();
  await expect(page.getByRole("alert")).toContainText("certificate");
  await expect(page.getByRole("listitem").filter({ hasText: "Encrypt" }).getByLabel("failed")).toBeVisible();
  await expect(
    page.getByRole("listitem").filter({ hasText: "Sign in" }).getByLabel("not reached"),
  ).toBeVisible();
  const chain = page.getByRole("region", { name: "The server's certificate" });
  await expect(chain).toContainText("127.0.0.1");
  await expect(chain).toContainText("Nobody who is trusted vouches for it");
  await expect(chain).toContainText(String(process.env.MYCORR_E2E_FINGERPRINT));
  await look(page, "connection-untrusted");
  await page.getByRole("button", { name: "Paste the CA certificate" }).click();
  await expect(page.getByLabel("Custom CA certificate (PEM)")).toBeFocused();

  await page.getByLabel("Custom CA certificate (PEM)").fill(String(process.env.MYCORR_E2E_CA));
  await page.getByLabel("Password", { exact: true }).fill("wrong");
  await page.getByRole("button", { name: "Test and save" }).click();
  await expect(page.getByRole("alert")).toContainText("password authentication failed");

  await page.getByLabel("Password", { exact: true }).fill(PASSWORD);
  await page.getByRole("button", { name: "Test only" }).click();
  await expect(page.getByText("The connection works")).toBeVisible();
  for (const fact of ["127.0.0.1", "a primary", "no pooler", "TLS 1.3", "SCRAM-SHA-256"]) {
    await expect(page.getByLabel("What the test learnt")).toContainText(fact);
  }
  await look(page, "connection-works");
  await page.getByRole("button", { name: "Test and save" }).click();
  await expect(page.getByText("Tested and saved")).toBeVisible();
  await expect(page.getByText("Shop test CA")).toBeVisible();
  const rights = page.getByRole("region", { name: "What the role may do" });
  await expect(rights).toContainText("It may do nothing beyond reading.");
  await expect(rights.getByRole("listitem").filter({ hasText: "warehouse" })).toContainText(
    "lets it read its one table",
  );
  const shut = rights.getByRole("listitem").filter({ hasText: "public" });
  await shut.getByText("Open the rest").click();
  await expect(shut.getByLabel("GRANT", { exact: true })).toContainText(
    "GRANT SELECT ON public.payroll TO mycorr_reader;",
  );
  await expect(page.getByText("Nothing was imported through it yet.")).toBeVisible();
  await look(page, "connection");
});

test("a Model's import panel shows what can be read, and imports it", async () => {
  await page.goto("/");
  await page.getByRole("button", { name: "New Model" }).click();
  await page.getByLabel("Name").fill("Shop");
  await look(page, "model-new");
  await page.getByRole("button", { name: "Create Model" }).click();
  const tree = page.getByRole("tree");
  await expect(tree.getByRole("treeitem", { name: /orders.*~1,000,000/ })).toBeVisible();
  await look(page, "import");

  await tree.getByRole("treeitem", { name: /payroll/ }).click();
  await expect(page.getByRole("alert")).toContainText("GRANT SELECT ON");
  await look(page, "import-unreadable");
  sql("GRANT SELECT ON payroll TO mycorr_reader;");
  await page.getByRole("button", { name: "Look again" }).click();
  await expect(page.getByRole("button", { name: "Import table" })).toBeVisible();
  sql("REVOKE SELECT ON payroll FROM mycorr_reader;");

  await page.getByLabel("Filter schemas and tables").fill("ord");
  await expect(tree.getByRole("treeitem", { name: /stock/ })).toHaveCount(0);
  await tree.getByRole("treeitem", { name: /table orders/ }).click();
  const preview = page.getByRole("grid", { name: "First rows of public.orders" });
  await expect(preview.getByRole("gridcell").first()).toBeVisible();
  await expect(page.getByRole("checkbox", { name: "secret" })).toBeDisabled();
  await expect(page.getByLabel("GRANT", { exact: true })).toContainText("secret");
  await page.getByRole("checkbox", { name: "tags" }).uncheck();
  await look(page, "import-preview");
  await page.getByRole("button", { name: "Import table" }).click();
  // The import that was started in sight opens its table.
  await expect(page).toHaveURL(/\?table=/, { timeout: 90_000 });
  await expect(cell(1, 1)).toHaveText("1");
});

test("the grid reaches any of a million rows", async () => {
  await expect(page.getByText(`${ORDERS.toLocaleString("en-US")} rows`)).toBeVisible();
  await expect(cell(1, 4)).toHaveText("paid");
  await look(page, "data");
  await grid().focus();
  await page.keyboard.press("Control+End");
  await expect(cell(ORDERS, 8)).toHaveText(`{"cart": ${ORDERS}}`);
  await page.keyboard.press("Control+Home");
  await expect(cell(1, 1)).toHaveText("1");

  await grid()
    .getByRole("button", { name: /^total/ })
    .click();
  await grid()
    .getByRole("button", { name: /^total/ })
    .click();
  await expect(page).toHaveURL(/sort=-total/);
  await expect(cell(1, 5)).toHaveText("999.99");

  await page.getByRole("button", { name: "Filter", exact: true }).click();
  await page.getByLabel("Column", { exact: true }).selectOption("status");
  await page.getByRole("checkbox", { name: "shipped" }).check();
  await page.getByRole("button", { name: "Apply filter" }).click();
  await expect(page.getByText("250,000 of 1,000,000 rows")).toBeVisible();
  await expect(cell(1, 4)).toHaveText("shipped");
  await look(page, "data-filtered");
  await page.reload();
  await expect(page.getByText("250,000 of 1,000,000 rows")).toBeVisible();

  await page.getByRole("button", { name: "Remove the filter on status" }).click();
  await page.getByRole("button", { name: "Filter", exact: true }).click();
  await page.getByLabel("Column", { exact: true }).selectOption("id");
  await page.getByLabel("Value", { exact: true }).fill("many");
  await page.getByRole("button", { name: "Apply filter" }).click();
  await expect(page.getByRole("alert")).toBeVisible();
  await look(page, "data-filter-wrong");
  await page.getByRole("alert").getByRole("button", { name: "Clear filters" }).click();
  await expect(cell(1, 5)).toHaveText("999.99");
});

test("an import that takes long shows how far it is, and can be cancelled", async () => {
  await page.getByRole("link", { name: "Import", exact: true }).click();
  await page.getByLabel("Filter schemas and tables").fill("slow");
  await page.getByRole("treeitem", { name: /slow/ }).click();
  await page.getByRole("button", { name: "Import table" }).click();
  await expect(page.getByRole("progressbar", { name: "Import of slow" })).toBeVisible();
  await expect(page.getByRole("link", { name: /1 job/ })).toBeVisible();
  await look(page, "import-running");
  await page.getByRole("button", { name: "Cancel" }).click();
  await expect(page.getByText("Import of slow was cancelled")).toBeVisible();
  await page.getByLabel("Filter schemas and tables").clear();
});

test("an empty table says so", async () => {
  await page.getByRole("link", { name: "Import", exact: true }).click();
  await page.getByRole("treeitem", { name: /table nothing/ }).click();
  await page.getByRole("button", { name: "Import table" }).click();
  await expect(page.getByRole("heading", { name: "This table has no rows" })).toBeVisible();
  await look(page, "data-empty");
});

test("sync brings the newest, and the history keeps the old", async () => {
  sql("DELETE FROM orders WHERE id <= 10; UPDATE orders SET total = 0 WHERE id = 11;");
  await page
    .getByRole("navigation", { name: "Tables" })
    .getByRole("link", { name: /orders/ })
    .click();
  await page.getByRole("button", { name: "Sync now" }).click();
  await expect(page.getByText("version 2", { exact: true })).toBeVisible({ timeout: 90_000 });
  await expect(page.getByText(`${(ORDERS - 10).toLocaleString("en-US")} rows`)).toBeVisible();
  // Row 11 was written anew, behind the others: the order is that of arrival.
  await expect(cell(1, 1)).toHaveText("12");

  await page.getByRole("link", { name: "History", exact: true }).click();
  await expect(page.getByText("Version 2")).toBeVisible();
  await expect(page.getByText("(−10)")).toBeVisible();
  await look(page, "history");
  await page.getByRole("link", { name: "View version 1" }).click();
  await expect(page.getByText("You are looking at version 1")).toBeVisible();
  await expect(cell(1, 1)).toHaveText("1");
  await look(page, "data-old-version");
  await page.getByRole("button", { name: "Restore version 1" }).click();
  await look(page, "restore");
  await page.getByRole("dialog").getByRole("button", { name: "Restore" }).click();
  await expect(page.getByText("Restored version 1")).toBeVisible();
  await page.getByRole("link", { name: "Data", exact: true }).click();
  await expect(page.getByText("version 3", { exact: true })).toBeVisible();
  await expect(cell(1, 1)).toHaveText("1");
});

test("a sync that fails says why and leaves the table as it was", async () => {
  sql(
    "REVOKE SELECT ON ALL TABLES IN SCHEMA public FROM mycorr_reader; REVOKE ALL ON orders FROM mycorr_reader CASCADE;",
  );
  await page.getByRole("button", { name: "Sync now" }).click();
  await expect(page.getByRole("alert")).toContainText("The last sync failed");
  await expect(page.getByRole("alert")).toContainText("GRANT SELECT");
  await expect(cell(1, 1)).toHaveText("1");
  await look(page, "data-sync-failed");
  sql("GRANT SELECT ON orders, customers, nothing TO mycorr_reader;");
});

test("every statement stands in the ledger", async () => {
  await page.goto("/settings/connections");
  await look(page, "connections");
  await page.getByRole("link", { name: "Shop replica" }).click();
  await page.getByRole("link", { name: "Statements" }).click();
  await expect(page.getByRole("table")).toContainText("SELECT");
  const ledger = page.getByRole("table");
  await expect(ledger).toContainText(ADA.email);
  // What sets a session up is folded away; parameters are told as SQL writes them.
  await expect(ledger).not.toContainText("set_config");
  await expect(ledger).toContainText("$1 = 'public'");
  await look(page, "statements");
  await page.getByLabel(/^Also the \d+ statements that set a session up$/).check();
  await expect(ledger).toContainText("set_config");
  await page.getByLabel(/^Also the/).uncheck();
  await page.getByLabel("Purpose").selectOption("sync");
  await expect(ledger.getByRole("row").nth(1)).toContainText("sync");
  await expect(ledger.getByText("browse", { exact: true })).toHaveCount(0);
  await page.getByLabel("Filter the statements shown").fill("nothing of the kind");
  await expect(page.getByRole("heading", { name: /matches$/ })).toBeVisible();
  await look(page, "statements-none");
  await page.getByRole("button", { name: "Clear filter" }).click();
  await expect(ledger).toContainText(ADA.email);
});
