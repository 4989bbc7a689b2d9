// Two versions of a table in the grid: what came, what went, what each changed cell was.
import type { Page } from "@playwright/test";
import { call, expect, look, signIn, test } from "./page";
import { sql } from "./servers";

interface Job {
  id: string;
  state: string;
  table_id: string;
}

const grid = (page: Page) => page.getByRole("grid", { name: "Rows that differ" });
/** `column`: with the beginning of its type, where two are called the same. */
const cell = (page: Page, row: number, column: string) =>
  grid(page)
    .getByRole("columnheader", { name: new RegExp(`^${column.replace(/[()]/g, "\\$&")}`) })
    .getAttribute("aria-colindex")
    .then((at) => grid(page).locator(`[aria-rowindex="${row + 2}"] > [aria-colindex="${at}"]`));

async function done(page: Page, job: Job) {
  await expect.poll(async () => (await call<Job>(page, "GET", `/jobs/${job.id}`)).state).toBe("succeeded");
  return job.table_id;
}

/** Two versions of a table of visits; the address of what differs between them. */
async function changed(page: Page) {
  sql(`CREATE TABLE visits (id int PRIMARY KEY, who text, room text, note text, paid boolean);
    GRANT SELECT ON visits TO mycorr_reader;
    INSERT INTO visits SELECT n, 'Guest ' || n, 'Room ' || n % 9, repeat('a long note ', 40), n % 2 = 0 FROM generate_series(1, 400) n;`);
  await signIn(page);
  const { items } = await call<{ items: { id: string; name: string }[] }>(page, "GET", "/connections");
  const connection_id = items.find((one) => one.name === "Shop replica")?.id;
  const model = await call<{ id: string }>(page, "POST", "/models", { name: "Hotel" });
  const body = { connection_id, schema: "public", table: "visits" };
  const { job } = await call<{ job: Job }>(page, "POST", `/models/${model.id}/imports`, body);
  const table = await done(page, job);
  sql(`DELETE FROM visits WHERE id = 300; INSERT INTO visits VALUES (401, 'New', 'Room 1', '', true);
    UPDATE visits SET who = 'Somebody else', note = NULL WHERE id = 7; UPDATE visits SET room = '' WHERE id = 250;
    ALTER TABLE visits RENAME room TO place; ALTER TABLE visits DROP paid; ALTER TABLE visits ADD paid numeric(8,2) DEFAULT 1;`);
  const synced = await call<{ job: Job }>(page, "POST", `/tables/${table}/sync`, {});
  await done(page, synced.job);
  return `/models/${model.id}/history?table=${table}&from=1&to=2`;
}

test("changes are marked in the grid, walked through by key, and show what was before", async ({ page }) => {
  const path = await changed(page);
  await page.goto(path);
  await expect(page.getByText("1 row added, 1 removed, 2 changed")).toBeAttached();
  await expect(page.getByText("Renamed column room → place")).toBeVisible();
  await expect(page.getByText("Removed column paid")).toBeVisible();
  await expect(page.getByText("Added column paid")).toBeVisible();
  await expect(grid(page)).toHaveAttribute("aria-rowcount", "5");
  const heads = grid(page).getByRole("rowheader");
  await expect(heads).toHaveText(["−removed 1", "+added 2", "~changed 3", "~changed 4"]);
  await expect(await cell(page, 2, "who")).toHaveText("was Guest 7, is Somebody else");
  await expect(await cell(page, 3, "place")).toHaveText('was Room 7, is ""');
  // A column that the row's version lacks is not empty.
  await expect(await cell(page, 1, "paid (removed)")).toHaveText("–");
  await expect(await cell(page, 1, "paid numeric")).toHaveText("1.00");
  await look(page, "diff");

  // From change to change: a row that came or went is one, a changed row has one for each cell.
  await grid(page).focus();
  const active = grid(page).locator(".grid-cell.active");
  const walk = async (key: string, told: string, text: RegExp) => {
    await page.keyboard.press(key);
    await expect(page.getByText(told)).toBeVisible();
    await expect(active).toHaveText(text);
  };
  await walk("n", "Row 1 of 4, removed.", /^300$/);
  await walk("n", "Row 2 of 4, added.", /^401$/);
  await walk("n", "Row 3 of 4, changed.", /Somebody else$/);
  await walk("n", "Row 3 of 4, changed.", /NULL$/);
  await page.keyboard.press("Enter");
  const dialog = page.getByRole("dialog");
  await expect(dialog.getByRole("region", { name: "Before" })).toContainText("a long note a long note");
  await expect(dialog.getByRole("region", { name: "After" })).toContainText("NULL");
  await look(page, "diff-cell");
  await page.keyboard.press("Escape");
  await expect(grid(page)).toBeFocused();
  await walk("n", "Row 4 of 4, changed.", /is ""$/);
  await page.keyboard.press("n");
  await expect(page.getByText("That was the last change.")).toBeVisible();
  await walk("Shift+N", "Row 3 of 4, changed.", /NULL$/);
  await page.getByRole("button", { name: "Previous change" }).click();
  await expect(active).toHaveText(/Somebody else$/);

  // Only what differs, and one kind of it.
  await page.getByLabel("Which changes").selectOption("added");
  await expect(grid(page)).toHaveAttribute("aria-rowcount", "2");
  await page.getByLabel("Only columns that differ, and the key").check();
  await expect(grid(page)).toHaveAttribute("aria-colcount", "7");
  await page.getByLabel("Which changes").selectOption("all");
  await expect(heads).toHaveCount(4);
});
