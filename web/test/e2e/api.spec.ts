// The page that tells the HTTP API, and the sample for whoever has no database at hand.
import { execFileSync } from "node:child_process";
import { ADA, expect, look, signIn, test } from "./page";
import { emptyMycorr, sampleSource } from "./servers";

test("the API's document can be read, searched and linked", async ({ page }) => {
  const elsewhere: string[] = [];
  page.on("request", (request) => {
    if (!request.url().startsWith(String(process.env.MYCORR_E2E_URL))) elsewhere.push(request.url());
  });
  await signIn(page);
  await page.goto("/settings/api");
  await expect(page.getByRole("heading", { name: "HTTP API" })).toBeVisible();
  await expect(page.locator(".api-endpoint")).not.toHaveCount(0);
  await look(page, "api");
  await page.keyboard.press("/");
  await expect(page.getByLabel("Search the API")).toBeFocused();
  await page.keyboard.type("list_rows");
  await expect(page.locator(".api-endpoint")).toHaveCount(1);
  await page.locator(".api-endpoint > summary").click();
  // The operators are described where they are used.
  for (const operator of ["eq", "neq", "gte", "ilike", "in", "is", "not_null"]) {
    await expect(
      page.locator(".api-fields code", { hasText: new RegExp(`^${operator}$`) }).first(),
    ).toBeVisible();
  }
  await expect(page.locator(".api-fields")).toContainText(["or.(status.eq.open,total.gte.100)"]);
  await look(page, "api-endpoint");
  await page.getByLabel("Search the API").fill("nothing of the kind");
  await expect(page.getByText("Nothing in the API is called that.")).toBeVisible();
  await page.goto("/");
  await page.goto("/settings/api#create_connection");
  await expect(page.getByRole("heading", { name: "Body" })).toBeVisible();
  await expect(page.locator("#create_connection .api-fields").first()).toContainText(
    "One of `postgresql`".replaceAll("`", ""),
  );
  expect(elsewhere).toEqual([]);
});

test("what the page tells of tokens by curl works as it stands", async ({ page }) => {
  await signIn(page);
  await page.goto("/settings/api");
  await page.getByText("A token without a browser").click();
  const script = (await page.getByLabel("token by curl", { exact: true }).innerText())
    .replace("you@example.com", ADA.email)
    .replace('"password":"…"', `"password":"${ADA.password}"`)
    .replaceAll("curl ", "curl -sf ");
  const cookies = `/tmp/mycorr-e2e-cookies-${process.pid}`;
  const told = execFileSync("bash", ["-ec", script.replaceAll(" cookies ", ` ${cookies} `)], {
    encoding: "utf8",
  });
  const { id, token } = JSON.parse(/\{"id":"[^"]*","token":"[^"]*"\}/.exec(told)?.[0] ?? "{}");
  expect(token).toMatch(/^myc_/);
  const first = (await page.getByLabel("first call", { exact: true }).innerText())
    .replace("myc_…", String(token))
    .replaceAll("curl ", "curl -sf ");
  const models = execFileSync("bash", ["-ec", `${first}; rm ${cookies}`], { encoding: "utf8" });
  expect(JSON.parse(models)).toHaveProperty("items");
  // Other tests begin without one.
  const headers = { origin: String(process.env.MYCORR_E2E_URL) };
  expect((await page.request.delete(`/api/v1/tokens/${id}`, { headers })).status()).toBe(204);
});

test("the operator's sample leads from sign-up to rows without a database of one's own", async ({ page }) => {
  const mycorr = await emptyMycorr({ MYCORR_SAMPLE_SOURCE: sampleSource() });
  try {
    await page.goto(mycorr.url);
    await expect(page.getByLabel("Name")).toBeFocused();
    await page.keyboard.type(ADA.name);
    await page.getByLabel("E-mail").fill(ADA.email);
    await page.getByLabel("Password", { exact: true }).fill(ADA.password);
    await page.keyboard.press("Enter");
    await expect(page.getByRole("button", { name: "Try it with sample data" })).toBeVisible();
    await look(page, "models-empty-sample");
    await page.getByRole("button", { name: "Try it with sample data" }).click();
    await expect(page.getByRole("heading", { name: "Sample shop", level: 1 })).toBeVisible();
    await page.getByRole("treeitem", { name: /customers/ }).click();
    await page.getByRole("button", { name: "Import table" }).click();
    await expect(page.getByRole("grid", { name: "Rows of customers" })).toBeVisible({ timeout: 60_000 });
    await page.goto(`${mycorr.url}/settings/connections/new`);
    await expect(page.getByRole("button", { name: "Try it with sample data" })).toBeVisible();
    await look(page, "connection-kinds-sample");
  } finally {
    await mycorr.end();
  }
});
