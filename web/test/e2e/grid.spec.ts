// The grid with ten million rows of twenty columns. They are made here: the grid is what is tested.
import type { Page } from "@playwright/test";
import { copied, expect, look, signIn, test } from "./page";

const ROWS = 10_000_000;
const COLUMNS = Array.from({ length: 20 }, (_, at) => ({
  name: `c${at}`,
  pg_type: at === 0 ? "bigint" : at === 19 ? "boolean" : "text",
  type: at === 0 ? "long" : "string",
  position: at + 1,
  nullable: true,
  order: "type",
  collation: null,
}));

/** Turns round what follows it, and is not seen. */
const TURNED = "abc\u202Edef\u202C";

const value = (row: number, at: number) =>
  row === 1 && at === 5
    ? TURNED
    : at === 0
      ? String(row)
      : row % 10 === at
        ? null
        : at === 3
          ? ""
          : `r${row} c${at}`;

async function open(page: Page, search = "") {
  await signIn(page);
  const models = await page.request.get("/api/v1/models").then((answer) => answer.json());
  const model = models.items[0];
  const table = {
    id: "0199c2f0-7b1e-7000-8000-000000000001",
    model_id: model.id,
    name: "huge",
    version: 1,
    rows: ROWS,
    bytes: 1e9,
    columns: COLUMNS,
    source: null,
    job_id: null,
    created_at: "2026-01-01T00:00:00Z",
  };
  await page.route("**/api/v1/models/*/tables*", (route) =>
    route.fulfill({ json: { items: [table], next: null } }),
  );
  await page.route("**/api/v1/tables/*/rows*", (route) => {
    const query = new URL(route.request().url()).searchParams;
    const offset = Number(query.get("offset"));
    const count = Math.max(0, Math.min(Number(query.get("limit")), ROWS - offset));
    const rows = Array.from({ length: count }, (_, at) =>
      COLUMNS.map((_, column) => value(offset + at, column)),
    );
    return route.fulfill({ json: { version: 1, total: ROWS, offset, columns: COLUMNS, rows } });
  });
  await page.goto(`/models/${model.id}${search}`);
  await expect(grid(page).getByRole("gridcell").first()).toBeVisible();
}

const grid = (page: Page) => page.getByRole("grid");
const cell = (page: Page, row: number, column: number) =>
  grid(page).locator(`[aria-rowindex="${row + 2}"] > [aria-colindex="${column + 2}"]`);

test("both ends and the middle can be reached by bar and by key", async ({ page }) => {
  await open(page);
  await look(page, "grid");
  await grid(page).evaluate((node) => node.scrollTo({ top: node.scrollHeight }));
  await expect(cell(page, ROWS - 1, 0)).toHaveText(String(ROWS - 1));
  await grid(page).evaluate((node) => node.scrollTo({ top: node.scrollHeight / 2 }));
  await expect(
    grid(page)
      .getByRole("rowheader", { name: /^(4,9|5,0)\d\d,\d\d\d$/ })
      .first(),
  ).toBeVisible();
  await grid(page).focus();
  await page.keyboard.press("Control+End");
  await expect(cell(page, ROWS - 1, 19)).toBeInViewport({ ratio: 1 });
  await expect(grid(page)).toHaveAttribute("aria-activedescendant", /.+/);
  await page.keyboard.press("Control+Home");
  await expect(cell(page, 0, 0)).toBeInViewport({ ratio: 1 });
});

test("the wheel moves row by row, in the middle too", async ({ page }) => {
  await open(page, "?cell=r5000000c1");
  await expect(cell(page, 4_999_999, 0)).toBeInViewport({ ratio: 1 });
  const before = await cell(page, 4_999_999, 0).boundingBox();
  await grid(page).hover();
  await page.mouse.wheel(0, 64);
  await expect
    .poll(async () => Math.round((before?.y ?? 0) - ((await cell(page, 4_999_999, 0).boundingBox())?.y ?? 0)))
    .toBe(64);
});

test("what is selected is copied as a spreadsheet takes it", async ({ page }) => {
  await open(page);
  await cell(page, 1, 0).click();
  await page.keyboard.press("Shift+ArrowDown");
  await page.keyboard.press("Shift+ArrowRight");
  await page.keyboard.press("Shift+ArrowRight");
  await page.keyboard.press("Shift+ArrowRight");
  await expect(page.getByText("2 rows × 4 columns selected")).toBeVisible();
  await page.evaluate(() => {
    const read = (event: ClipboardEvent) =>
      document.documentElement.setAttribute(
        "data-copied",
        String(event.clipboardData?.getData("text/plain")),
      );
    document.addEventListener("copy", read, { once: true });
  });
  await page.keyboard.press("Control+c");
  await expect(page.locator("html")).toHaveAttribute("data-copied", '1\t\tr1 c2\t""\n2\tr2 c1\t\t""');
  await expect(page.getByText("Copied 2 rows × 4 columns.")).toBeVisible();
});

test("a copy waits for rows that are still on their way, wherever the grid goes meanwhile", async ({
  page,
}) => {
  await open(page);
  let release = () => {};
  const held = new Promise<void>((resolve) => {
    release = resolve;
  });
  // A row far below, and the pages of rows around it.
  const isFar = (url: URL) => Number(url.searchParams.get("offset")) > 800_000;
  await page.route(isFar, async (route) => {
    await held;
    await route.fallback();
  });
  await grid(page).focus();
  await page.keyboard.press("Control+g");
  await page.getByLabel("Go to row").fill("900,010");
  const asked = page.waitForRequest((request) => isFar(new URL(request.url())));
  await page.keyboard.press("Enter");
  await expect(grid(page)).toBeFocused();
  await asked;
  const text = await copied(page, async () => {
    await page.keyboard.press("Shift+ArrowUp");
    await page.keyboard.press("Control+c");
    await expect(page.getByText("Fetching the selected rows…")).toBeVisible();
    // The grid calls off what it no longer shows.
    await grid(page).evaluate((node) => node.scrollTo({ top: 0 }));
    await expect(cell(page, 0, 0)).toBeInViewport({ ratio: 1 });
    release();
    await expect(page.getByText("Copied 2 rows × 1 column.")).toBeVisible();
  });
  expect(text).toBe("900008\n900009");
});

test("columns are sorted, pinned, hidden, moved and resized by keys alone", async ({ page }) => {
  await open(page);
  await grid(page).focus();
  await page.keyboard.press("ArrowRight");
  const menu = async (item: string) => {
    await page.keyboard.press("f");
    await page.getByRole("menuitem", { name: item }).press("Enter");
    await page.keyboard.press("Escape");
    await expect(page.getByRole("menu")).toHaveCount(0);
    await expect(grid(page)).toBeFocused();
  };
  const head = (name: string) => grid(page).getByRole("columnheader", { name: new RegExp(`^${name} `) });
  await menu("Sort ascending");
  await expect(head("c1")).toHaveAttribute("aria-sort", "ascending");
  await expect(page).toHaveURL(/sort=c1/);
  await menu("Pin to the left");
  await expect(head("c1")).toHaveAttribute("aria-colindex", "2");
  await menu("Move right");
  await expect(page).toHaveURL(/cols=c0%2Cc2%2Cc1|cols=c1/);
  const width = async () => (await grid(page).getByRole("columnheader").nth(1).boundingBox())?.width ?? 0;
  const was = await width();
  await page.keyboard.press("Control+ArrowLeft");
  await menu("Wider");
  await expect.poll(width).toBeGreaterThan(was);
  await menu("Hide");
  await expect(grid(page)).toHaveAttribute("aria-colcount", "20");
  await look(page, "grid-columns");
});

test("a cell opens with Enter and the focus comes back", async ({ page }) => {
  await open(page, "?cell=r4c3");
  await grid(page).focus();
  await page.keyboard.press("Enter");
  await expect(page.getByRole("dialog")).toContainText("r3 c2");
  await look(page, "grid-cell");
  await page.keyboard.press("Escape");
  await expect(grid(page)).toBeFocused();
  await page.keyboard.press("Tab");
  await expect(grid(page)).not.toBeFocused();
});

test("invisible characters have marks, and are copied as they are", async ({ page }) => {
  await open(page);
  await expect(cell(page, 1, 5).locator("[data-mark=RLO]")).toBeVisible();
  await expect(cell(page, 1, 5).locator("[data-mark=PDF]")).toBeVisible();
  await cell(page, 1, 5).click();
  expect(await copied(page, () => page.keyboard.press("Control+c"))).toBe(TURNED);
  await page.keyboard.press("Enter");
  await expect(page.getByRole("dialog").locator("[data-mark=RLO]")).toHaveAttribute("title", /U\+202E/);
  await look(page, "grid-invisible");
  expect(await copied(page, () => page.getByRole("button", { name: "Copy value" }).click())).toBe(TURNED);
});

test("widths and pins outlive a reload, and a copied link names them and the version", async ({ page }) => {
  await open(page);
  await grid(page).focus();
  await page.keyboard.press("f");
  await page.getByRole("menuitem", { name: "Wider" }).click();
  await page.keyboard.press("Escape");
  await page.keyboard.press("f");
  await page.getByRole("menuitem", { name: "Pin to the left" }).press("Enter");
  await expect(page).toHaveURL(/w=c0\.152/);
  await expect(page).toHaveURL(/pin=c0/);
  const head = grid(page).getByRole("columnheader", { name: /^c0 / });
  await expect(head).toHaveCSS("width", "152px");
  await page.reload();
  await expect(head).toHaveCSS("width", "152px");
  // Without an address, too.
  await page.goto(new URL(page.url()).pathname);
  await expect(head).toHaveCSS("width", "152px");
  await expect(head).toHaveClass(/pinned/);
  const link = await copied(page, () => page.getByRole("button", { name: "Copy link" }).click());
  expect(new URL(String(link)).searchParams.get("v")).toBe("1");
  expect(new URL(String(link)).searchParams.get("w")).toBe("c0.152");
});

test("Back undoes a sort, and old rows stay while new ones come", async ({ page }) => {
  await open(page);
  let release = () => {};
  const held = new Promise<void>((resolve) => {
    release = resolve;
  });
  await page.route(/\/rows\?.*sort=/, async (route) => {
    await held;
    await route.fallback();
  });
  const head = grid(page).getByRole("columnheader", { name: /^c2 / });
  await head.getByRole("button", { name: /^c2/ }).click();
  await expect(head).toHaveAttribute("aria-sort", "ascending");
  await expect(cell(page, 0, 0)).toHaveText("0");
  await expect(page.locator(".grid-wait")).toHaveCount(0);
  release();
  await page.goBack();
  await expect(head).toHaveAttribute("aria-sort", "none");
  await expect(grid(page)).toBeVisible();
});

test("rows are selected by their numbers, and a drag takes the grid along", async ({ page }) => {
  await open(page);
  const number = (row: number) => grid(page).getByRole("rowheader", { name: String(row), exact: true });
  await number(3).click();
  await number(5).click({ modifiers: ["Shift"] });
  await expect(page.getByText("3 rows × 20 columns selected")).toBeVisible();
  const box = await grid(page).boundingBox();
  const from = await cell(page, 2, 1).boundingBox();
  if (!box || !from) throw new Error("the grid is not there");
  await page.mouse.move(from.x + 5, from.y + 5);
  await page.mouse.down();
  await page.mouse.move(from.x + 5, box.y + box.height + 60, { steps: 4 });
  // It goes on as long as the button is down, so no one row stays in sight.
  const last = () =>
    grid(page)
      .locator("[aria-rowindex]")
      .evaluateAll((rows) => Math.max(...rows.map((row) => Number(row.getAttribute("aria-rowindex")))));
  await expect.poll(last).toBeGreaterThan(60);
  await page.mouse.up();
  await expect(page.getByText(/\d\d+ rows × 1 column selected/)).toBeVisible();
});

test("a slash opens the filter, whose fields are those of the type", async ({ page }) => {
  await open(page);
  await page.keyboard.press("/");
  await page.getByLabel("Column", { exact: true }).selectOption("c19");
  await expect(page.getByLabel("Condition").locator("option")).toHaveText(["is", "is NULL", "is not NULL"]);
  await page.getByLabel("Value", { exact: true }).selectOption("false");
  await page.getByRole("button", { name: "Apply filter" }).click();
  await expect(page).toHaveURL(/f=c19\.eq\.f/);
  await expect(page.locator("body")).not.toBeFocused();
  await page.getByRole("button", { name: "Remove the filter on c19" }).press("Enter");
  await expect(page.getByRole("button", { name: "Filter", exact: true })).toBeFocused();
  await cell(page, 0, 2).dblclick();
  await page.getByRole("button", { name: "Only rows with this value" }).click();
  await expect(page).toHaveURL(/f=c2\.eq\.r0\+c2/);
});

test("a row is reached by its number", async ({ page }) => {
  await open(page);
  await grid(page).focus();
  await page.keyboard.press("Control+g");
  await page.getByLabel("Go to row").fill("10,000,001");
  await page.keyboard.press("Enter");
  await expect(page.getByText("There are 10,000,000 rows.")).toBeVisible();
  await page.getByLabel("Go to row").fill("7,654,321");
  await page.keyboard.press("Enter");
  await expect(cell(page, 7_654_320, 0)).toBeInViewport({ ratio: 1 });
  await expect(grid(page)).toBeFocused();
  await expect(page).toHaveURL(/cell=r7654321c1/);
});

test("a selection is summed digit by digit and copied with its headers", async ({ page }) => {
  await open(page, "?cell=r9007c1");
  await cell(page, 9006, 0).click();
  await cell(page, 9008, 2).click({ modifiers: ["Shift"] });
  const foot = page.locator(".grid-foot");
  await expect(foot).toContainText("3 rows × 3 columns selected");
  await expect(foot).toContainText("Sum 27,021");
  await expect(foot).toContainText("Mean 9,007");
  await expect(foot).toContainText("Count 9");
  await look(page, "grid-selected");
  const text = await copied(page, () => page.getByRole("button", { name: "Copy with headers" }).click());
  expect(text).toBe(
    "c0\tc1\tc2\n9006\tr9006 c1\tr9006 c2\n9007\tr9007 c1\tr9007 c2\n9008\tr9008 c1\tr9008 c2",
  );
  // More than is here: it is fetched, then summed.
  await cell(page, 9006, 0).click();
  await grid(page).focus();
  await page.keyboard.press("Control+g");
  await page.getByLabel("Go to row").fill("11,000");
  await page.keyboard.press("Shift+Enter");
  await expect(foot).toContainText("1,994 rows × 1 column selected");
  const compute = foot.getByRole("button", { name: "Sum and count" });
  await compute.click();
  await expect(foot).toContainText("Sum 19,944,985");
});

test("a column is taken to another place with the mouse", async ({ page }) => {
  await open(page);
  const name = (column: string) =>
    grid(page)
      .getByRole("columnheader", { name: new RegExp(`^${column} `) })
      .getByRole("button", { name: new RegExp(`^${column}`) });
  const [from, to] = [await name("c3").boundingBox(), await name("c1").boundingBox()];
  if (!from || !to) throw new Error("no head");
  await page.mouse.move(from.x + 20, from.y + 10);
  await page.mouse.down();
  await page.mouse.move(to.x + 5, to.y + 10, { steps: 5 });
  await expect(page.locator(".grid-drop")).toBeVisible();
  await page.mouse.up();
  await expect(page).toHaveURL(/cols=c0%2Cc3%2Cc1%2Cc2/);
  // The end of a drag is no click: nothing is sorted.
  await expect(page).not.toHaveURL(/sort=/);
  await name("c3").click();
  await expect(page).toHaveURL(/sort=c3/);
});

test("a text is found in any column, whatever row it is in", async ({ page }) => {
  await open(page);
  await grid(page).focus();
  await page.keyboard.press("Control+f");
  await expect(page.getByLabel("Find in all columns", { exact: true }).getByRole("textbox")).toBeFocused();
  await page.keyboard.type("R12345 C7");
  await page.keyboard.press("Enter");
  await expect(page.getByText("Found in row 12,346.")).toBeVisible();
  await expect(cell(page, 12_345, 7)).toHaveClass(/active/);
  await expect(cell(page, 12_345, 7)).toBeInViewport({ ratio: 1 });
  await look(page, "grid-find");
  await page.keyboard.press("Escape");
  await expect(grid(page)).toBeFocused();
});

test("the menu of a cell filters by its value", async ({ page }) => {
  await open(page, "?cell=r3c3");
  await cell(page, 2, 2).click({ button: "right" });
  await page.getByRole("menuitem", { name: "Only rows with this value" }).waitFor();
  await look(page, "grid-cell-menu");
  await page.getByRole("menuitem", { name: "Only rows with another value" }).click();
  await expect(page).toHaveURL(/f=c2\.is\.not_null/);
  await expect(grid(page)).toBeFocused();
});

test("a row is shown as a record, and the record moves the grid", async ({ page }) => {
  await signIn(page);
  await page.goto("/");
  await page.getByRole("link", { name: /^Shop/ }).click();
  await page
    .getByRole("navigation", { name: "Tables" })
    .getByRole("link", { name: /orders/ })
    .click();
  await cell(page, 2, 0).click();
  const id = String(await cell(page, 2, 0).textContent());
  await page.keyboard.press(" ");
  const record = page.getByRole("complementary", { name: "Record" });
  await expect(record.getByRole("heading", { name: /^Row 3 of/ })).toBeVisible();
  const payload = record.locator("dl > div").filter({ hasText: "payload" });
  await expect(payload).toContainText(`cart: ${id}`);
  await payload.locator("summary").click();
  await expect(payload).not.toContainText("cart:");
  await look(page, "grid-record");
  await record.getByRole("button", { name: "Next row" }).click();
  await expect(cell(page, 3, 0)).toHaveClass(/active/);
  await grid(page).focus();
  await page.keyboard.press("ArrowDown");
  await expect(record.getByRole("heading", { name: /^Row 5 of/ })).toBeVisible();
  await record.getByRole("button", { name: "Close the record" }).click();
  await expect(grid(page)).toBeFocused();
});
