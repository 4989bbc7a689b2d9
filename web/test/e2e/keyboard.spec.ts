// The whole way without a mouse, and what a screen reader is told on it.
import type { Page } from "@playwright/test";
import { ADA, expect, paste, test } from "./page";
import { emptyMycorr, PASSWORD } from "./servers";

/** More steps than this to the next thing that is wanted nobody takes. */
const MAX_TABS = 60;

type Role = "button" | "link" | "textbox" | "tree" | "grid" | "combobox";

async function tabTo(page: Page, role: Role, name: string | RegExp) {
  const wanted = page.getByRole(role, { name, exact: typeof name === "string" });
  await expect(wanted.first()).toBeVisible();
  for (let step = 0; step < MAX_TABS; step += 1) {
    if (await wanted.evaluateAll((found) => found.includes(document.activeElement as HTMLElement))) return;
    await page.keyboard.press("Tab");
  }
  throw new Error(`no way by Tab to ${role} ${name}`);
}

/** What live regions say, which headings get the focus, and how pages are called; in this order. */
async function transcribe(page: Page) {
  const lines: string[] = [];
  await page.exposeFunction("told", (line: string) => {
    if (lines.at(-1) !== line) lines.push(line);
  });
  await page.addInitScript(() => {
    const told = (kind: string, text: string | null) => {
      const line = text?.replace(/\s+/g, " ").trim();
      if (line) (window as unknown as { told: (line: string) => void }).told(`${kind}: ${line}`);
    };
    document.addEventListener("focusin", ({ target }) => {
      if (target instanceof HTMLHeadingElement) told("heading", target.textContent);
    });
    let title = "";
    new MutationObserver((records) => {
      if (document.title !== title) {
        title = document.title;
        told("title", title);
      }
      for (const { target } of records) {
        const element = target instanceof Element ? target : target.parentElement;
        const live = element?.closest("[role=status], [role=alert], [aria-live]");
        if (live) told(live.getAttribute("role") ?? "live", live.textContent);
      }
    }).observe(document, { subtree: true, childList: true, characterData: true });
  });
  return lines;
}

test("everything is done by keys, and is told to who does not see it", async ({ page }) => {
  const mycorr = await emptyMycorr();
  try {
    const lines = await transcribe(page);
    const { keyboard } = page;
    await page.goto(mycorr.url);
    await expect(page.getByLabel("Name")).toBeFocused();
    await keyboard.type(ADA.name);
    await keyboard.press("Tab");
    await keyboard.type(ADA.email);
    await keyboard.press("Tab");
    await keyboard.type(ADA.password);
    await keyboard.press("Enter");
    await expect(page.getByRole("heading", { name: "Connect a database" })).toBeVisible();
    const place = `127.0.0.1:${process.env.MYCORR_E2E_PG_PORT}`;
    await paste(
      page.locator("body"),
      `postgres://mycorr_reader:${encodeURIComponent(PASSWORD)}@${place}/shop`,
    );
    await expect(page.getByRole("button", { name: "Test and save" })).toBeFocused();
    await paste(page.locator("body"), String(process.env.MYCORR_E2E_CA));
    await expect(page.getByLabel("Custom CA certificate (PEM)")).toHaveValue(/BEGIN CERTIFICATE/);
    await keyboard.press("Enter");
    await expect(page.getByText("Tested and saved")).toBeVisible();
    await tabTo(page, "button", "Import a table");
    await keyboard.press("Enter");
    await tabTo(page, "tree", "Schemas and tables");
    // Other tests make tables too.
    const customers = page.getByRole("treeitem", { name: /customers/ });
    await expect(customers).toBeVisible();
    for (
      let step = 0;
      step < MAX_TABS && !(await customers.getAttribute("class"))?.includes("active");
      step += 1
    )
      await keyboard.press("ArrowDown");
    await expect(customers).toHaveClass(/active/);
    await keyboard.press("Enter");
    await tabTo(page, "button", "Import table");
    await keyboard.press("Enter");
    const grid = page.getByRole("grid", { name: "Rows of customers" });
    await expect(grid).toBeVisible({ timeout: 60_000 });
    await expect(page.getByRole("gridcell", { name: "Customer 1", exact: true })).toBeVisible();

    await tabTo(page, "grid", "Rows of customers");
    await keyboard.press("Control+g");
    await expect(page.getByLabel("Go to row")).toBeFocused();
    await keyboard.type("1234");
    await keyboard.press("Enter");
    await expect(grid).toBeFocused();
    await expect(page.locator("[role=gridcell].active")).toBeInViewport();
    await keyboard.press("Shift+ArrowDown");
    await keyboard.press("Control+c");
    await expect(page.getByText("Copied 2 rows × 1 column.")).toBeVisible();
    await keyboard.press("Control+f");
    await expect(page.getByRole("textbox", { name: "Find in all columns" })).toBeFocused();
    await keyboard.type("customer 77");
    await keyboard.press("Enter");
    await expect(page.getByText(/Found in row/)).toBeVisible();
    await keyboard.press("Escape");
    await keyboard.press("Space");
    const record = page.getByRole("complementary", { name: "Record" });
    await expect(record).toBeVisible();
    await tabTo(page, "button", "Next row");
    await keyboard.press("Enter");
    await keyboard.press("Escape");
    await expect(grid).toBeFocused();
    await keyboard.press("f");
    await page.getByRole("menuitem", { name: /^Sort.*descending|largest/ }).press("Enter");
    await expect(page).toHaveURL(/sort=-/);
    await keyboard.press("/");
    await expect(page.getByLabel("Column", { exact: true })).toBeVisible();
    await keyboard.press("Escape");
    await keyboard.press("Control+k");
    await expect(page.getByRole("combobox")).toBeFocused();
    await keyboard.type("jobs");
    await keyboard.press("Enter");
    await expect(page.getByRole("heading", { name: "Jobs" })).toBeFocused();

    // In this order; what comes between depends on how fast the machine is.
    const rest = [...lines];
    for (const wanted of [
      /^title: Set up · Mycorr/,
      /^title: New PostgreSQL connection · Mycorr/,
      /^title: shop on 127\.0\.0\.1 · Mycorr/,
      /^status: Tested and saved/,
      /^title: Import into shop · Mycorr/,
      /^status: Job on customers: succeeded/,
      /^title: customers · shop · Mycorr/,
      /^status: Copied 2 rows × 1 column\./,
      /^status: Found in row/,
      /^live: Row /,
      /^heading: Jobs/,
    ]) {
      const at = rest.findIndex((line) => wanted.test(line));
      expect(at, `${wanted} in\n${rest.join("\n")}`).toBeGreaterThanOrEqual(0);
      rest.splice(0, at + 1);
    }
  } finally {
    await mycorr.end();
  }
});
