// What happens around a page: the server goes, the session ends, code does not come, another tab changes things.
import { ADA, expect, look, signIn, test } from "./page";
import { emptyMycorr, shop, sql } from "./servers";

/** How long a job of a process that is gone stays its, and some time to do it again, ms. */
const TAKEN_OVER = 60_000;

test("a server that goes away in mid-import and comes back takes the page along", async ({
  page,
  complaints,
}) => {
  sql(`CREATE OR REPLACE VIEW brief AS SELECT i, pg_sleep(0.01)::text AS waited FROM generate_series(1, 400) i;
    GRANT SELECT ON brief TO mycorr_reader;`);
  const mycorr = await emptyMycorr();
  try {
    const post = async (path: string, data: unknown) => {
      const headers = { origin: mycorr.url };
      const answer = await page.request.post(`${mycorr.url}/api/v1${path}`, { data, headers });
      expect(answer.ok()).toBe(true);
      return answer.json();
    };
    await post("/sign-up", ADA);
    await post("/connections", shop("Shop"));
    const { id } = await post("/models", { name: "Interrupted" });
    await page.goto(`${mycorr.url}/models/${id}/import`);
    await page.getByRole("treeitem", { name: /brief/ }).click();
    await page.getByRole("button", { name: "Import table" }).click();
    const progress = page.getByRole("progressbar", { name: "Import of brief" });
    await expect(progress).toBeVisible();
    await mycorr.kill();
    // Its code is not here yet.
    await page.getByRole("link", { name: "Settings" }).click();
    await expect(page.getByText("Mycorr does not answer.")).toBeVisible();
    await expect(page.getByText("This page stopped working")).toHaveCount(0);
    await look(page, "lost");
    // What was seen before is still there.
    await page.goBack();
    await expect(page.getByRole("heading", { name: "Interrupted" })).toBeVisible();
    await expect(progress).toBeVisible();
    await page.getByRole("link", { name: "Settings" }).click();
    await mycorr.start();
    await expect(page.getByText("Mycorr does not answer.")).toHaveCount(0, { timeout: 30_000 });
    await expect(page.getByRole("link", { name: "Shop", exact: true })).toBeVisible();
    // The import is done again by itself, and the page hears of it.
    await page.goBack();
    await expect(page.getByText("Import of brief is done")).toBeVisible({ timeout: TAKEN_OVER });
    await page.getByRole("link", { name: "Open brief" }).click();
    await expect(page.getByText("400 rows")).toBeVisible();
    // Of a server that was killed the browser tells that nothing comes from there.
    const others = complaints.filter((one) => !one.startsWith("Failed to load resource: net::ERR_"));
    complaints.splice(0, complaints.length, ...others);
  } finally {
    await mycorr.end();
  }
});

test("answers that fail are asked for again once the server is back", async ({ page }) => {
  await signIn(page);
  await page.route("**/api/v1/models?*", (route) => route.abort());
  await page.route("**/healthz", (route) => route.abort());
  await page.goto("/");
  await expect(page.getByRole("alert")).toContainText("Mycorr does not answer");
  await page.unroute("**/api/v1/models?*");
  await page.unroute("**/healthz");
  await expect(page.getByRole("link", { name: /^Shop/ })).toBeVisible();
  await expect(page.getByText("Mycorr does not answer")).toHaveCount(0);

  // A proxy in front of it says so in its own way.
  const away = { status: 502, contentType: "text/html", body: "<h1>Bad gateway</h1>" };
  await page.route("**/api/v1/jobs?*", (route) => route.fulfill(away));
  await page.route("**/healthz", (route) => route.fulfill(away));
  await page.getByRole("link", { name: "Jobs" }).click();
  await expect(page.getByText("answered with status 502")).toBeVisible();
  await expect(page.getByText("Mycorr does not answer.")).toBeVisible();
  await page.unroute("**/api/v1/jobs?*");
  await page.unroute("**/healthz");
  await expect(page.getByText("answered with status 502")).toHaveCount(0);
  await expect(page.getByText("Mycorr does not answer")).toHaveCount(0);
});

test("a page whose code is gone is loaded anew, once", async ({ page, complaints }) => {
  await signIn(page);
  await page.goto("/settings/connections");
  let refused = 0;
  await page.route("**/assets/Tokens-*.js", (route) => {
    refused += 1;
    return refused === 1 ? route.fulfill({ status: 404 }) : route.continue();
  });
  await page.getByRole("link", { name: "API tokens" }).click();
  await expect(page.getByRole("heading", { name: "API tokens" })).toBeVisible();
  await page.route("**/assets/Statements-*.js", (route) => route.fulfill({ status: 404 }));
  await page.goto("/settings/connections");
  await page.getByRole("link", { name: "Shop replica" }).click();
  await page.getByRole("link", { name: "Statements" }).click();
  await expect(page.getByRole("alert")).toContainText("This page stopped working");
  complaints.length = 0;
  await look(page, "code-missing");
  // The frame is still there, and another place works.
  await page.getByRole("link", { name: "Models", exact: true }).click();
  await expect(page.getByRole("link", { name: /^Shop/ })).toBeVisible();
});

test("a session that ends takes nothing away that was typed", async ({ page, context }) => {
  await signIn(page);
  await page.goto("/settings/connections/new?kind=postgresql");
  await page.getByLabel("Name", { exact: true }).fill("Half typed");
  await page.getByLabel("Host").fill("127.0.0.1");
  await context.clearCookies();
  await page.getByLabel("Database").fill("shop");
  await page.getByLabel("Username").fill("mycorr_reader");
  await page.getByLabel("Password", { exact: true }).fill("x");
  await page.getByRole("button", { name: "Test and save" }).click();
  const dialog = page.getByRole("dialog", { name: "Your session ended" });
  await expect(dialog).toBeVisible();
  await look(page, "session-ended");
  await expect(dialog.getByLabel("E-mail")).toHaveValue(ADA.email);
  await dialog.getByLabel("Password", { exact: true }).fill(ADA.password);
  await dialog.getByRole("button", { name: "Sign in" }).click();
  await expect(dialog).toHaveCount(0);
  await expect(page.getByLabel("Name", { exact: true })).toHaveValue("Half typed");
  await expect(page.getByLabel("Host")).toHaveValue("127.0.0.1");
});

test("a reload loses nothing, at whatever moment it comes", async ({ page }) => {
  await signIn(page);
  // In a form that is half filled in.
  await page.goto("/settings/connections/new?kind=postgresql");
  await page.getByLabel("Name", { exact: true }).fill("Half typed");
  await page.getByLabel("Host").fill("db.example.com");
  await page.getByLabel("Password", { exact: true }).fill("nobody keeps this");
  await page.getByText("Advanced", { exact: true }).click();
  await page.getByLabel("Custom CA certificate (PEM)").fill("-----BEGIN CERTIFICATE-----");
  await page.reload();
  await expect(page.getByLabel("Name", { exact: true })).toHaveValue("Half typed");
  await expect(page.getByLabel("Host")).toHaveValue("db.example.com");
  await expect(page.getByLabel("Custom CA certificate (PEM)")).toHaveValue("-----BEGIN CERTIFICATE-----");
  // A secret is kept nowhere, so it is asked for again.
  await expect(page.getByLabel("Password", { exact: true })).toHaveValue("");
  const kept = () => JSON.stringify([window.history.state, { ...sessionStorage }, { ...localStorage }]);
  expect(await page.evaluate(kept)).not.toContain("nobody keeps this");
  // Another connection begins with nothing.
  await page.getByRole("link", { name: "Cancel" }).click();
  await page.getByRole("link", { name: "New connection" }).click();
  await page.getByRole("link", { name: /^PostgreSQL/ }).click();
  await expect(page.getByLabel("Name", { exact: true })).toHaveValue("");

  // In a dialog, and in front of rows that are sorted and filtered.
  await page.goto("/");
  await page.getByRole("link", { name: /^Shop/ }).click();
  await page.getByRole("button", { name: "Share", exact: true }).click();
  await expect(page.getByRole("dialog", { name: "Share Shop" })).toBeVisible();
  await page.reload();
  await expect(page.getByRole("dialog", { name: "Share Shop" })).toBeVisible();
  await page.keyboard.press("Escape");
  await page
    .getByRole("navigation", { name: "Tables" })
    .getByRole("link", { name: /^orders/ })
    .click();
  const head = page.getByRole("columnheader", { name: /^total / });
  await head.getByRole("button", { name: /^total/ }).click();
  await expect(head).toHaveAttribute("aria-sort", "ascending");
  await page.reload();
  await expect(head).toHaveAttribute("aria-sort", "ascending");
});

test("what one tab changes the other shows, and a job is found again after a reload", async ({
  page,
  context,
}) => {
  await signIn(page);
  const other = await context.newPage();
  await page.goto("/");
  await other.goto("/");
  await page.getByRole("link", { name: /^Shop/ }).click();
  const rename = async (name: string) => {
    await page.getByRole("button", { name: "Actions on this Model" }).click();
    await page.getByRole("menuitem", { name: "Rename…" }).click();
    await page.getByLabel("Name", { exact: true }).fill(name);
    await page.getByRole("button", { name: "Rename" }).click();
    await expect(other.getByRole("link", { name: new RegExp(`^${name}`) })).toBeVisible();
  };
  await rename("Seen twice");
  await rename("Shop");

  sql("GRANT SELECT ON slow TO mycorr_reader;");
  await page.getByRole("link", { name: "Import", exact: true }).click();
  await page.getByLabel("Filter schemas and tables").fill("slow");
  await page.getByRole("treeitem", { name: /slow/ }).click();
  await page.getByRole("button", { name: "Import table" }).click();
  await expect(page.getByRole("progressbar", { name: "Import of slow" })).toBeVisible();
  await other.reload();
  await expect(other.getByRole("link", { name: /1 job running/ })).toBeVisible();
  await page.getByRole("button", { name: "Cancel" }).click();
  await expect(page.getByText("Import of slow was cancelled")).toBeVisible();
  await expect(other.getByRole("link", { name: /1 job running/ })).toHaveCount(0);
});
