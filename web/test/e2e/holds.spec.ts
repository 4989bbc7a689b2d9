// Syncs that are held, as a decision; what changed between versions; which versions are kept.
import { call, expect, look, signIn, test } from "./page";
import { sql } from "./servers";

interface Job {
  id: string;
  state: string;
  table_id: string;
}

test("a sync that breaks the policy is looked at, discarded and accepted", async ({ page }) => {
  sql(`CREATE TABLE guests (id int PRIMARY KEY, name text, note text);
    INSERT INTO guests SELECT n, 'Guest ' || n, 'n' FROM generate_series(1, 300) n;
    GRANT SELECT ON guests TO mycorr_reader;`);
  await signIn(page);
  const { items } = await call<{ items: { id: string }[] }>(page, "GET", "/connections");
  const model = await call<{ id: string }>(page, "POST", "/models", { name: "Decisions" });
  const ended = async ({ id }: Job) => {
    let job = await call<Job>(page, "GET", `/jobs/${id}`);
    while (job.state === "queued" || job.state === "running") {
      await page.waitForTimeout(100);
      job = await call<Job>(page, "GET", `/jobs/${id}`);
    }
    return job;
  };
  const started = await call<{ job: Job }>(page, "POST", `/models/${model.id}/imports`, {
    connection_id: items[0]?.id,
    schema: "public",
    table: "guests",
  });
  const table = (await ended(started.job)).table_id;
  await page.goto(`/models/${model.id}?table=${table}`);
  await expect(page.getByRole("grid")).toContainText("Guest 1");

  // The policy.
  const policy = async () => {
    await page.getByRole("button", { name: "Actions on this table" }).click();
    await page.getByRole("menuitem", { name: "Sync policy…" }).click();
  };
  const dialog = page.getByRole("dialog");
  await policy();
  await dialog.getByLabel("Hold a sync and ask first").selectOption("breaking");
  await expect(dialog.getByLabel("Rows that may be lost, in percent")).toHaveValue("20");
  await look(page, "sync-policy");
  await dialog.getByRole("button", { name: "Save" }).click();
  await expect(dialog).toHaveCount(0);
  await expect(page.getByText("asks before a breaking change")).toBeVisible();

  // What breaks waits.
  sql("DELETE FROM guests WHERE id > 100; UPDATE guests SET name = 'Changed' WHERE id = 7;");
  await page.getByRole("button", { name: "Sync now" }).click();
  const notice = page.getByRole("status").filter({ hasText: "A sync waits for a decision" });
  await expect(notice).toContainText("200 of 300 rows are gone, which is more than 20 %.");
  await expect(notice).toContainText("0 rows added, 200 removed, 1 changed");
  await expect(notice).toContainText("changed in name");
  await expect(page.getByText("version 1", { exact: true })).toBeVisible();
  await look(page, "held");

  // Its rows, and what would change.
  await notice.getByRole("link", { name: "Look at its rows" }).click();
  await expect(page.getByText("You are looking at a held sync")).toBeVisible();
  await expect(page.getByRole("grid")).toHaveAttribute("aria-rowcount", "101");
  await notice.getByRole("link", { name: "Show what would change" }).click();
  const rows = page.getByRole("grid", { name: "Rows that differ" });
  await expect(rows.getByRole("rowheader").first()).toHaveText("−removed 1");
  await page.getByLabel("Which changes").selectOption("changed");
  await expect(rows).toHaveAttribute("aria-rowcount", "2");
  await expect(rows.locator(".cell-changed del")).toHaveText("Guest 7");
  await expect(rows.locator(".cell-changed ins")).toHaveText("Changed");
  await page.getByLabel("Which changes").selectOption("removed");
  await expect(rows).toHaveAttribute("aria-rowcount", "201");
  await page.getByRole("button", { name: "Next change" }).click();
  await page.getByRole("button", { name: "Next change" }).click();
  await expect(page.getByText("Row 2 of 200, removed.")).toBeVisible();
  await look(page, "diff-held");

  // Discarded, then found again and accepted.
  await page.getByRole("navigation", { name: "Model" }).getByRole("link", { name: "Data" }).click();
  await notice.getByRole("button", { name: "Discard…" }).click();
  await dialog.getByRole("button", { name: "Discard" }).click();
  await expect(notice).toHaveCount(0);
  await page.getByRole("button", { name: "Sync now" }).click();
  await notice.getByRole("button", { name: "Accept…" }).click();
  await dialog.getByRole("button", { name: "Accept" }).click();
  await expect(notice).toHaveCount(0);
  await expect(page.getByText("version 2", { exact: true })).toBeVisible();
  await expect(page.getByRole("grid")).toHaveAttribute("aria-rowcount", "101");

  // The history says what changed; an old version goes, and it is said what that frees.
  await page.getByRole("navigation", { name: "Model" }).getByRole("link", { name: "History" }).click();
  const versions = page.getByRole("list", { name: "Versions of guests" }).getByRole("listitem");
  await expect(versions.first()).toContainText("0 rows added, 200 removed, 1 changed");
  await look(page, "history-counts");
  await versions.last().getByRole("button", { name: "Delete version 1" }).click();
  await expect(dialog).toContainText(/All versions take .* now, and .* afterwards/);
  await dialog.getByRole("button", { name: "Delete version" }).click();
  await expect(versions).toHaveCount(1);
});

test("a policy says which versions it deletes before it does", async ({ page }) => {
  sql(`CREATE TABLE ticks (n int); GRANT SELECT ON ticks TO mycorr_reader; INSERT INTO ticks VALUES (0);`);
  await signIn(page);
  const { items } = await call<{ items: { id: string }[] }>(page, "GET", "/connections");
  const model = await call<{ id: string }>(page, "POST", "/models", { name: "Kept" });
  let table = "";
  for (let n = 1; n <= 4; n++) {
    const { job } = await call<{ job: Job }>(
      page,
      "POST",
      n === 1 ? `/models/${model.id}/imports` : `/tables/${table}/sync`,
      n === 1 ? { connection_id: items[0]?.id, schema: "public", table: "ticks" } : {},
    );
    table = job.table_id;
    await expect.poll(async () => (await call<Job>(page, "GET", `/jobs/${job.id}`)).state).toBe("succeeded");
    sql(`INSERT INTO ticks VALUES (${n});`);
  }
  await page.goto(`/models/${model.id}?table=${table}`);
  await page.getByRole("button", { name: "Actions on this table" }).click();
  await page.getByRole("menuitem", { name: "Sync policy…" }).click();
  const dialog = page.getByRole("dialog");
  await dialog.getByLabel("Keep versions").fill("2");
  await expect(dialog).toContainText("To save deletes 2 versions and frees");
  await dialog.getByRole("button", { name: "Save" }).click();
  await expect(dialog).toHaveCount(0);
  await page.goto(`/models/${model.id}/history?table=${table}`);
  await expect(page.getByRole("list", { name: "Versions of ticks" }).getByRole("listitem")).toHaveCount(2);
});
