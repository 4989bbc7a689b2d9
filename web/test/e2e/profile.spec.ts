// What columns hold, in their heads and in the panel beside the rows; a bar filters, by pointer and by key.

import { readFileSync } from "node:fs";
import type { Page } from "@playwright/test";
import { expect, look, signIn, test } from "./page";

/** The table `orders`, which the journey imported. */
async function openOrders(page: Page) {
  await signIn(page);
  await page.goto("/");
  await page.getByRole("link", { name: /^Shop/ }).click();
  await page
    .getByRole("navigation", { name: "Tables" })
    .getByRole("link", { name: /^orders/ })
    .click();
  await expect(page.getByRole("grid").getByRole("gridcell").first()).toBeVisible();
}

const head = (page: Page, column: string) =>
  page.getByRole("grid").getByRole("columnheader", { name: new RegExp(`^${column} `) });
const bar = (page: Page, column: string, title: RegExp) =>
  head(page, column).locator(".strip-bar").and(page.getByTitle(title));
const panel = (page: Page) => page.getByRole("complementary", { name: "Profile of the column" });

test("heads show what a column holds, and a bar filters", async ({ page }) => {
  await openOrders(page);
  await expect(head(page, "note")).toContainText("25 % null · 2 values");
  await expect(head(page, "status")).toContainText("4 values");
  await expect(head(page, "id")).toContainText(/~[\d,]+ values/);
  await look(page, "profile");

  const paid = bar(page, "status", /^paid: 250,000 rows, 25 %$/);
  await paid.click();
  await expect(page).toHaveURL(/f=status\.eq\.paid/);
  await expect(page.locator(".grid-foot")).toContainText("250,000 of 1,000,000 rows");
  await expect(paid).toHaveClass(/chosen/);
  // Another bar of the column takes its place, the same one takes it away.
  await bar(page, "status", /^shipped: /).click();
  await expect(page).toHaveURL(/f=status\.eq\.shipped/);
  await expect(page).not.toHaveURL(/paid/);
  await bar(page, "status", /^shipped: /).click();
  await expect(page).not.toHaveURL(/f=/);

  // A bar of a range finds just as many rows as it says.
  const range = head(page, "total").locator(".strip-bar").nth(3);
  const [, rows] = / under .*: ([\d,]+) rows/.exec((await range.getAttribute("title")) ?? "") ?? [];
  await range.click();
  await expect(page).toHaveURL(/f=total\.gte\.[\d.]+&f=total\.lt\.[\d.]+/);
  await expect(page.locator(".grid-foot")).toContainText(`${rows} of 1,000,000 rows`);
});

test("what is shown is downloaded: its filters, its order, its columns", async ({ page }) => {
  await openOrders(page);
  await page.getByRole("grid").focus();
  await bar(page, "status", /^paid: /).click();
  await head(page, "total")
    .getByRole("button", { name: /^total/ })
    .click();
  await page.getByRole("button", { name: "Columns" }).click();
  await page.getByRole("checkbox", { name: "note" }).uncheck();
  await page.keyboard.press("Escape");
  await expect(page.locator(".grid-foot")).toContainText("250,000 of 1,000,000 rows");
  await page.getByRole("button", { name: "Download" }).click();
  const menu = page.getByRole("menu", { name: "Download" });
  await expect(menu).toContainText("250,000 rows");
  await expect(menu).toContainText("in this order");
  await look(page, "download");
  const started = page.waitForEvent("download");
  await menu.getByRole("menuitem", { name: "CSV" }).click();
  const download = await started;
  expect(download.suggestedFilename()).toBe("orders.csv");
  const lines = readFileSync(await download.path(), "utf8")
    .trimEnd()
    .split("\n");
  expect(lines.length).toBe(250_001);
  expect(lines[0]).toMatch(/^id,customer_id,placed_at,status,total,/);
  expect(lines[0]).not.toContain("note");
  const totals = lines.slice(1).map((line) => Number(line.split(",")[4]));
  expect(totals.every((total, at) => at === 0 || total >= (totals[at - 1] ?? 0))).toBe(true);
  expect(lines.slice(1).every((line) => line.split(",")[3] === "paid")).toBe(true);
});

test("the profile of a column is had by keys alone", async ({ page }) => {
  await openOrders(page);
  await page.getByRole("grid").focus();
  await page.keyboard.press("f");
  await page.getByRole("menuitem", { name: "Profile" }).press("Enter");
  await expect(panel(page)).toBeFocused();
  await expect(panel(page).getByRole("heading", { name: /^id bigint/ })).toBeVisible();
  await expect(panel(page)).toContainText("Least1");
  await expect(panel(page)).toContainText("Greatest1000000");
  // It follows the grid.
  await page.keyboard.press("Escape");
  await expect(page.getByRole("grid")).toBeFocused();
  for (let column = 0; column < 5; column += 1) await page.keyboard.press("ArrowRight");
  await page.keyboard.press("p");
  await expect(panel(page).getByRole("heading", { name: /^note text/ })).toBeVisible();
  await expect(panel(page)).toContainText("NULL250,000 (25 %)");
  await look(page, "profile-panel");
  const missing = panel(page).getByRole("button", { name: /^NULL 250,000 rows, 25 %/ });
  await missing.press("Enter");
  await expect(page).toHaveURL(/f=note\.is\.null/);
  await expect(missing).toHaveAttribute("aria-pressed", "true");
  await expect(missing).toBeFocused();
  await expect(page.locator(".grid-foot")).toContainText("250,000 of 1,000,000 rows");
  await missing.press("Enter");
  await expect(page).not.toHaveURL(/f=/);
  await panel(page).getByRole("button", { name: "Previous column" }).click();
  await expect(panel(page).getByRole("heading", { name: /^total numeric/ })).toBeVisible();
  await panel(page).getByRole("button", { name: "Close the profile" }).click();
  await expect(page.getByRole("grid")).toBeFocused();
});

test("a profile that is late or missing says so, and the choice is remembered", async ({ page }) => {
  let release = () => {};
  const held = new Promise<void>((resolve) => {
    release = resolve;
  });
  await page.route("**/tables/*/profile*", async (route) => {
    await held;
    await route.fallback();
  });
  await openOrders(page);
  await expect(head(page, "id").locator(".grid-wait")).toBeVisible();
  release();
  await expect(head(page, "status")).toContainText("4 values");
  const button = page.getByRole("button", { name: "Profile", exact: true });
  await expect(button).toHaveAttribute("aria-pressed", "true");
  await button.click();
  await expect(head(page, "status")).not.toContainText("4 values");
  await page.reload();
  await expect(button).toHaveAttribute("aria-pressed", "false");
  await button.click();
  await expect(head(page, "status")).toContainText("4 values");

  await page.route("**/tables/*/profile*", (route) =>
    route.fulfill({
      status: 404,
      contentType: "application/problem+json",
      json: {
        type: "about:blank",
        title: "Not found",
        status: 404,
        code: "not_found",
        detail: "This version was made before profiles were kept.",
        fix: "Sync the table: the next version has one.",
        request_id: "",
        fields: [],
      },
    }),
  );
  await page.reload();
  await expect(button).toHaveAttribute("aria-disabled", "true");
  await expect(page.locator(".strip")).toHaveCount(0);
  await button.focus();
  await expect(page.getByRole("tooltip")).toContainText("Sync the table");
  await look(page, "profile-none");
});
