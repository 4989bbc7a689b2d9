// From an empty product, with a connection string in the clipboard, to the rows of a table: the moves are counted.
import { ADA, expect, paste, test } from "./page";
import { emptyMycorr, PASSWORD } from "./servers";

/** More than these nobody should need, a private CA included. */
const MOVES = 12;

test("twelve moves lead from nothing to the rows of a table", async ({ page }) => {
  const mycorr = await emptyMycorr();
  try {
    let moves = 0;
    const move = async (act: Promise<unknown>) => {
      moves += 1;
      await act;
    };
    const begun = Date.now();
    await page.goto(mycorr.url);
    await expect(page.getByLabel("Name")).toBeFocused();
    await move(page.keyboard.type(ADA.name));
    await move(page.getByLabel("E-mail").fill(ADA.email));
    await move(page.getByLabel("Password", { exact: true }).fill(ADA.password));
    await move(page.keyboard.press("Enter"));

    // Before any field has the focus.
    await expect(page.getByRole("heading", { name: "Connect a database" })).toBeVisible();
    const place = `127.0.0.1:${process.env.MYCORR_E2E_PG_PORT}`;
    const string = `postgres://mycorr_reader:${encodeURIComponent(PASSWORD)}@${place}/shop`;
    await move(paste(page.locator("body"), string));
    await expect(page.getByLabel("Name", { exact: true })).toHaveValue("shop on 127.0.0.1");
    const save = page.getByRole("button", { name: "Test and save" });
    await expect(save).toBeFocused();
    expect(page.url()).not.toContain(place);
    await move(paste(page.locator("body"), String(process.env.MYCORR_E2E_CA)));
    await expect(page.getByLabel("Custom CA certificate (PEM)")).toHaveValue(/BEGIN CERTIFICATE/);
    await expect(save).toBeFocused();
    await move(page.keyboard.press("Enter"));
    await expect(page.getByText("Tested and saved")).toBeVisible();

    await move(page.getByRole("button", { name: "Import a table" }).click());
    await expect(page.getByRole("heading", { name: "shop", level: 1 })).toBeVisible();
    await move(page.getByRole("treeitem", { name: /customers/ }).click());
    await move(page.getByRole("button", { name: "Import table" }).click());
    await expect(page.getByRole("grid", { name: "Rows of customers" })).toBeVisible({ timeout: 60_000 });
    await expect(page.getByRole("gridcell", { name: "Customer 1", exact: true })).toBeVisible();
    expect(moves).toBeLessThanOrEqual(MOVES);
    // Nobody thinks or types in between, so all of it is the machine's. 20 s at most are wanted of a release build;
    // what this machine takes is told, not judged.
    const told = `${moves} moves, ${((Date.now() - begun) / 1000).toFixed(1)} s of machine time`;
    test.info().annotations.push({ type: "way", description: told });
    console.log(told);

    // What is imported is marked, and a second import asks.
    await page.getByRole("link", { name: "Import", exact: true }).click();
    const item = page.getByRole("treeitem", { name: /customers/ });
    await expect(item.getByRole("img", { name: /In this Model as customers, read/ })).toBeVisible();
    await item.click();
    await expect(page.getByText("In this Model already, as customers")).toBeVisible();
    await expect(page.getByLabel("Name in this Model")).toHaveValue("customers_2");
    await page.getByRole("button", { name: "Import again…" }).click();
    await expect(page.getByRole("dialog", { name: "Import a second copy" })).toBeVisible();
    await page.keyboard.press("Escape");
    await page.getByRole("link", { name: "Open it" }).click();
    await expect(page.getByRole("grid", { name: "Rows of customers" })).toBeVisible();
  } finally {
    await mycorr.end();
  }
});
