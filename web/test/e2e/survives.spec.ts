// What happens around a page: the server goes, the session ends, code does not come, another tab changes things.
import { ADA, expect, look, signIn, test } from "./page";
import { emptyMycorr, sql } from "./servers";

test("a server that goes away and comes back takes the page along", async ({ page }) => {
  const mycorr = await emptyMycorr();
  try {
    const headers = { origin: mycorr.url };
    const made = await page.request.post(`${mycorr.url}/api/v1/sign-up`, { data: ADA, headers });
    expect(made.ok()).toBe(true);
    await page.goto(mycorr.url);
    await expect(page.getByRole("heading", { name: "Connect a database" })).toBeVisible();
    await mycorr.kill();
    // Its code is not here yet.
    await page.getByRole("link", { name: "Settings" }).click();
    await expect(page.getByText("Mycorr does not answer.")).toBeVisible();
    await expect(page.getByText("This page stopped working")).toHaveCount(0);
    await look(page, "lost");
    await page.getByRole("link", { name: "Models", exact: true }).click();
    await expect(page.getByRole("heading", { name: "Models" })).toBeVisible();
    await page.getByRole("link", { name: "Settings" }).click();
    await mycorr.start();
    await expect(page.getByText("Mycorr does not answer.")).toHaveCount(0, { timeout: 30_000 });
    await expect(page.getByRole("heading", { name: "No connection yet" })).toBeVisible();
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
  await page.getByRole("button", { name: "Import", exact: true }).click();
  await expect(page.getByRole("progressbar", { name: "Import of slow" })).toBeVisible();
  await other.reload();
  await expect(other.getByRole("link", { name: /1 job running/ })).toBeVisible();
  await page.getByRole("button", { name: "Cancel" }).click();
  await expect(page.getByText("Import of slow was cancelled")).toBeVisible();
  await expect(other.getByRole("link", { name: /1 job running/ })).toHaveCount(0);
});
