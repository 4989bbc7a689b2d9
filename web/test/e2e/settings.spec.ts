// The settings, and the pages that are only seen when something is not as usual.
import { expect, look, paste, signIn, test } from "./page";

test.beforeEach(({ page }) => signIn(page));

test("a token is shown once and can be revoked", async ({ page }) => {
  await page.goto("/settings/tokens");
  await look(page, "tokens-empty");
  await page.getByRole("button", { name: "New token" }).click();
  await page.getByLabel("Name").fill("Nightly export");
  await page.getByRole("button", { name: "Create token" }).click();
  const token = await page.getByLabel("token", { exact: true }).textContent();
  await look(page, "token-new");
  await page.getByRole("button", { name: "I have copied it" }).click();
  await expect(page.getByRole("row", { name: /Nightly export/ })).toBeVisible();
  await look(page, "tokens");

  const me = () =>
    page.request.get("/api/v1/me", { headers: { authorization: `Bearer ${token}`, cookie: "" } });
  expect((await me()).status()).toBe(200);
  await page.getByRole("button", { name: "Revoke Nightly export" }).click();
  await look(page, "token-revoke");
  await page.getByRole("dialog").getByRole("button", { name: "Revoke token" }).click();
  await expect(page.getByRole("heading", { name: "No token yet" })).toBeVisible();
  expect((await me()).status()).toBe(401);
});

test("a connection: what it is stays, its name and secrets change", async ({ page }) => {
  await page.goto("/settings/connections");
  await page.getByRole("link", { name: "Shop replica" }).click();
  await page.getByRole("button", { name: "Test again" }).click();
  await expect(page.getByText("The connection works")).toBeVisible();

  await page.getByRole("button", { name: "Replace Password" }).click();
  await page.getByLabel("New password", { exact: true }).fill("wrong");
  await page.getByRole("button", { name: "Test and save" }).click();
  await expect(page.getByRole("alert")).toContainText("password authentication failed");
  await look(page, "connection-replace-refused");
  await page.getByRole("button", { name: "Keep the stored one" }).click();

  await page.getByLabel("Name", { exact: true }).fill("Shop, renamed");
  await page.getByRole("button", { name: "Save", exact: true }).click();
  await expect(page.getByRole("heading", { name: "Shop, renamed" })).toBeVisible();
  await page.getByLabel("Name", { exact: true }).fill("Shop replica");
  await page.getByRole("button", { name: "Save", exact: true }).click();
  await expect(page.getByRole("heading", { name: "Shop replica" })).toBeVisible();

  await page.getByRole("button", { name: "Delete" }).click();
  await expect(page.getByRole("dialog").getByRole("button", { name: "Delete connection" })).toBeDisabled();
  await look(page, "connection-delete");
  await page.getByRole("dialog").getByRole("button", { name: "Cancel" }).click();
});

test("a pasted connection string fills the form and its password stays out of sight", async ({ page }) => {
  await page.goto("/settings/connections/new?kind=postgresql");
  const host = page.getByLabel("Host");
  await host.focus();
  await paste(host, "postgres://mycorr_reader:p%40ss@db.example.com:6543/shop?sslmode=require");
  await expect(host).toHaveValue("db.example.com");
  await expect(page.getByLabel("Port")).toHaveValue("6543");
  await expect(page.getByLabel("Database")).toHaveValue("shop");
  await expect(page.getByLabel("Username")).toHaveValue("mycorr_reader");
  await expect(page.getByLabel("Password", { exact: true })).toHaveValue("p@ss");
  await expect(page.getByLabel("Password", { exact: true })).toHaveAttribute("type", "password");
  await look(page, "connection-pasted");
});

test("a private host is refused with the reason", async ({ page }) => {
  await page.goto("/settings/connections/new?kind=postgresql");
  await page.getByLabel("Name", { exact: true }).fill("Inside");
  await page.getByLabel("Host").fill("10.0.0.1");
  await page.getByLabel("Database").fill("shop");
  await page.getByLabel("Username").fill("mycorr_reader");
  await page.getByLabel("Password", { exact: true }).fill("x");
  await page.getByRole("button", { name: "Test and save" }).click();
  await expect(page.getByText("connections to private/internal addresses are not allowed")).toBeVisible();
  await look(page, "connection-private");
});

test("what is not there says so", async ({ page }) => {
  await page.goto("/nowhere");
  await expect(page.getByRole("heading", { name: "There is nothing here" })).toBeVisible();
  await look(page, "not-found");
  await page.goto("/models/0199c2f0-7b1e-7000-8000-000000000000");
  await expect(page.getByRole("alert")).toBeVisible();
  await look(page, "model-not-found");
});

test("a server that does not answer is said, with a way on", async ({ page }) => {
  await page.route("**/api/v1/models?*", (route) => route.abort());
  await page.goto("/");
  await expect(page.getByRole("alert")).toContainText("Mycorr does not answer");
  await look(page, "models-unreachable");
  await page.unroute("**/api/v1/models?*");
  // By itself: nothing has to be pressed.
  await expect(page.getByRole("link", { name: /^Shop/ })).toBeVisible();
  await look(page, "models");
});

test("everything is a few keys away", async ({ page }) => {
  await page.goto("/");
  await expect(page.getByRole("link", { name: /^Shop/ })).toBeVisible();
  await page.keyboard.press("Control+k");
  await expect(page.getByRole("combobox")).toBeFocused();
  await page.keyboard.type("replica");
  await expect(page.getByRole("option")).toHaveCount(1);
  await look(page, "command-menu");
  await page.keyboard.press("Enter");
  await expect(page.getByRole("heading", { name: "Shop replica" })).toBeVisible();
  await page.keyboard.press("Shift+?");
  await expect(page.getByRole("dialog", { name: "Keyboard" })).toBeVisible();
  await look(page, "keys");
});

test("the theme that was picked stays", async ({ page }) => {
  await page.emulateMedia({ colorScheme: "light" });
  await page.goto("/");
  await page.getByRole("button", { name: /^Theme/ }).click();
  await page.getByRole("menuitemradio", { name: "Dark" }).click();
  await expect(page.locator("html")).toHaveAttribute("data-mantine-color-scheme", "dark");
  await page.reload();
  await expect(page.locator("html")).toHaveAttribute("data-mantine-color-scheme", "dark");
});
