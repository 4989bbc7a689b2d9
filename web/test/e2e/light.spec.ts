// What a page weighs, and how it does on a slow line.
import type { Page } from "@playwright/test";
import { call, expect, signIn, test } from "./page";
import { sql } from "./servers";

const COLUMNS = 60;
/** A page of a wide table, its code included. */
const MAX_PAGE_BYTES = 250_000;
/** What comes before the first page is seen. */
const MAX_FIRST_LOAD_BYTES = 200_000;

/** A Model with a table of sixty columns; its address. */
async function wide(page: Page, name: string) {
  const names = Array.from({ length: COLUMNS }, (_, at) => `field_${at}`);
  sql(`CREATE TABLE IF NOT EXISTS wide AS SELECT i AS ${names[0]},
    ${names.slice(1).map((column, at) => `md5((i * 60 + ${at})::text) AS ${column}`)}
    FROM generate_series(1, 1000) i; GRANT SELECT ON wide TO mycorr_reader;`);
  await signIn(page);
  const { id } = await call<{ id: string }>(page, "POST", "/models", { name });
  const { items } = await call<{ items: { id: string; name: string }[] }>(page, "GET", "/connections");
  const connection_id = items.find((one) => one.name === "Shop replica")?.id;
  await call(page, "POST", `/models/${id}/imports`, { connection_id, schema: "public", table: "wide" });
  const tables = () => call<{ items: unknown[] }>(page, "GET", `/models/${id}/tables`);
  await expect.poll(async () => (await tables()).items.length).toBe(1);
  return `/models/${id}`;
}

/** Bytes on the wire, headers included, from now on. */
async function weigh(page: Page) {
  const client = await page.context().newCDPSession(page);
  await client.send("Network.enable");
  await client.send("Network.setCacheDisabled", { cacheDisabled: true });
  let bytes = 0;
  client.on("Network.loadingFinished", ({ encodedDataLength }) => {
    bytes += encodedDataLength;
  });
  return { client, bytes: () => bytes };
}

const cell = (page: Page, row: number, column: number) =>
  page.getByRole("grid").locator(`[aria-rowindex="${row + 2}"] > [aria-colindex="${column + 2}"]`);

test("a page of sixty columns weighs little, and only the columns in sight are asked for", async ({
  page,
}) => {
  const path = await wide(page, "Wide");
  const scale = await weigh(page);
  const asked: string[][] = [];
  page.on("request", (request) => {
    const url = new URL(request.url());
    if (url.pathname.endsWith("/rows")) asked.push((url.searchParams.get("columns") ?? "").split(","));
  });
  await page.goto(path);
  await expect(cell(page, 0, 3)).toHaveText(/^[0-9a-f]{32}$/);
  await page.waitForLoadState("networkidle");
  expect(scale.bytes()).toBeGreaterThan(50_000);
  expect(scale.bytes()).toBeLessThanOrEqual(MAX_PAGE_BYTES);
  expect(asked.flat()).toContain("field_0");
  expect(new Set(asked.flat()).size).toBeLessThanOrEqual(16);

  // The others come when they are seen, in the record, and where they are copied.
  await page.getByRole("grid").focus();
  await page.keyboard.press("End");
  await expect(cell(page, 0, COLUMNS - 1)).toHaveText(/^[0-9a-f]{32}$/);
  await page.keyboard.press(" ");
  const record = page.getByRole("complementary", { name: "Record" });
  await expect(record.locator("dd").nth(30)).toHaveText(/^[0-9a-f]{32}$/);
  await expect(record.locator(".grid-wait")).toHaveCount(0);
});

test("the first page comes in two hundred kilobytes", async ({ page }) => {
  await signIn(page);
  const scale = await weigh(page);
  await page.goto("/");
  await expect(page.getByRole("heading", { name: "Models" })).toBeVisible();
  await page.waitForLoadState("networkidle");
  expect(scale.bytes()).toBeGreaterThan(50_000);
  expect(scale.bytes()).toBeLessThanOrEqual(MAX_FIRST_LOAD_BYTES);
});

test("a slow line loses nothing and shows what comes as it comes", async ({ page }) => {
  const path = await wide(page, "Far away");
  const { client } = await weigh(page);
  await client.send("Network.emulateNetworkConditions", {
    offline: false,
    latency: 300,
    downloadThroughput: 200_000,
    uploadThroughput: 200_000,
  });
  await page.goto(path);
  await expect(cell(page, 0, 1)).toHaveText(/^[0-9a-f]{32}$/);
  const first = await cell(page, 0, 0).textContent();
  const head = page.getByRole("columnheader", { name: /^field_1 / });
  await head.getByRole("button", { name: /^field_1/ }).click();
  // The old rows stay until the new ones are here.
  await expect(head).toHaveAttribute("aria-sort", "ascending");
  await expect(cell(page, 0, 0)).toHaveText(String(first));
  await expect(cell(page, 0, 0)).not.toHaveText(String(first));
  await page.getByRole("grid").focus();
  await page.keyboard.press("Control+End");
  await expect(cell(page, 999, COLUMNS - 1)).toHaveText(/^[0-9a-f]{32}$/);
  await expect(page).toHaveURL(/cell=r1000c60/);
  // A reload in the middle of it comes back to the same view.
  await page.reload();
  await expect(page).toHaveURL(/sort=field_1/);
  await expect(cell(page, 999, COLUMNS - 1)).toHaveText(/^[0-9a-f]{32}$/);
  await expect(page.getByText("1,000 rows")).toBeVisible();
});
