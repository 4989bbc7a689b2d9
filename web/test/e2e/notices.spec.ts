// Syncs that nobody asks for, and what people are told of them.
import { createServer, type IncomingMessage } from "node:http";
import type { Page } from "@playwright/test";
import { call, expect, look, signIn, test } from "./page";
import { sql } from "./servers";

interface Made {
  id: string;
}

/** A Model with a table that can be taken away at its source. */
async function openTable(page: Page, name: string) {
  sql(`CREATE TABLE ${name} AS SELECT 1 AS id; GRANT SELECT ON ${name} TO mycorr_reader;`);
  await signIn(page);
  // What the tests before this one have left.
  const headers = { origin: String(process.env.MYCORR_E2E_URL) };
  await page.request.post("/api/v1/notices/read", { headers });
  const { id } = await call<Made>(page, "POST", "/models", { name: `Model of ${name}` });
  const connections = await call<{ items: Made[] }>(page, "GET", "/connections");
  const { table } = await call<{ table: Made }>(page, "POST", `/models/${id}/imports`, {
    connection_id: connections.items[0]?.id,
    schema: "public",
    table: name,
  });
  await expect
    .poll(async () => (await call<{ items: unknown[] }>(page, "GET", `/models/${id}/tables`)).items.length)
    .toBe(1);
  await page.goto(`/models/${id}?table=${table.id}`);
  await expect(page.getByRole("heading", { name, exact: true })).toBeVisible();
  return { model: id, table: table.id };
}

const bell = (page: Page) => page.getByRole("button", { name: /^Notices/ });

test("a failed sync is told by the bell and by a webhook, and so is its recovery", async ({ page }) => {
  const received: { headers: IncomingMessage["headers"]; body: string }[] = [];
  const receiver = createServer((request, response) => {
    let body = "";
    request.on("data", (part) => {
      body += part;
    });
    request.on("end", () => {
      received.push({ headers: request.headers, body });
      response.writeHead(204).end();
    });
  });
  await new Promise<void>((resolve) =>
    receiver.listen(Number(process.env.MYCORR_E2E_HOOK_PORT), "127.0.0.1", resolve),
  );
  await openTable(page, "fragile");
  await page.getByRole("button", { name: "Actions on this Model" }).click();
  await page.getByRole("menuitem", { name: "Webhook…" }).click();
  const dialog = page.getByRole("dialog", { name: "Webhook" });
  await dialog.getByLabel("URL").fill("http://10.0.0.1/");
  await dialog.getByRole("button", { name: "Set webhook" }).click();
  await expect(dialog.getByText(/private\/internal addresses are not allowed/)).toBeVisible();
  await dialog.getByLabel("URL").fill(`http://127.0.0.1:${process.env.MYCORR_E2E_HOOK_PORT}/hook`);
  await look(page, "webhook-new");
  await dialog.getByRole("button", { name: "Set webhook" }).click();
  await expect(dialog.getByLabel("secret", { exact: true })).toHaveText(/^whsec_/);
  await look(page, "webhook-secret");
  await dialog.getByRole("button", { name: "I have copied it" }).click();
  await expect(dialog.getByText("None yet.")).toBeVisible();
  await page.keyboard.press("Escape");

  sql("DROP TABLE fragile;");
  await page.getByRole("button", { name: "Sync now" }).click();
  await expect(page.getByRole("button", { name: "Notices, 1 unread" })).toBeVisible();
  await bell(page).click();
  const list = page.getByRole("dialog", { name: "Notices" });
  await expect(
    list.getByRole("link", { name: /The sync of fragile in Model of fragile failed/ }),
  ).toBeVisible();
  await look(page, "notices");
  await list.getByRole("link", { name: /The sync of fragile/ }).click();
  await expect(page.getByRole("button", { name: "Notices", exact: true })).toBeVisible();
  await expect.poll(() => received.length).toBe(1);
  expect(received[0]?.headers["webhook-signature"]).toMatch(/^v1,/);
  expect(JSON.parse(received[0]?.body ?? "").type).toBe("sync_failed");

  sql("CREATE TABLE fragile AS SELECT 2 AS id; GRANT SELECT ON fragile TO mycorr_reader;");
  await page.getByRole("button", { name: "Sync now" }).click();
  await expect(page.getByRole("button", { name: "Notices, 1 unread" })).toBeVisible();
  await bell(page).click();
  await expect(list.getByRole("link", { name: /The sync of fragile in .* works again/ })).toBeVisible();
  await list.getByRole("button", { name: "Mark all as read" }).click();
  await expect(page.getByRole("button", { name: "Notices", exact: true })).toBeVisible();
  await page.keyboard.press("Escape");

  await page.getByRole("button", { name: "Actions on this Model" }).click();
  await page.getByRole("menuitem", { name: "Webhook…" }).click();
  await expect(dialog.getByText("delivered")).toHaveCount(2);
  await look(page, "webhook");
  await dialog.getByRole("button", { name: "Send again" }).first().click();
  await expect.poll(() => received.length).toBe(3);
  expect(received[2]?.headers["webhook-id"]).toBe(received[1]?.headers["webhook-id"]);
  await dialog.getByRole("button", { name: "Remove webhook" }).click();
  await expect(dialog.getByRole("button", { name: "Set webhook" })).toBeVisible();
  receiver.close();
});

test("a schedule is set, syncs the table, and can be paused and removed", async ({ page }) => {
  // It waits for a minute to pass.
  test.slow();
  await openTable(page, "clockwork");
  // A sync that finds nothing new makes no version.
  sql("INSERT INTO clockwork VALUES (2);");
  await page.getByRole("button", { name: "Schedule", exact: true }).click();
  const dialog = page.getByRole("dialog", { name: "Schedule of clockwork" });
  await look(page, "schedule-new");
  await dialog.getByLabel("Sync", { exact: true }).selectOption("At other times (cron)");
  await dialog.getByLabel("Cron expression").fill("61 * * * *");
  await dialog.getByLabel("Time zone").selectOption("Europe/Berlin");
  await dialog.getByRole("button", { name: "Save schedule" }).click();
  await expect(dialog.getByText(/Not a valid cron expression/)).toBeVisible();
  // Every minute, so that one is seen to come.
  await dialog.getByLabel("Cron expression").fill("* * * * *");
  await dialog.getByRole("button", { name: "Save schedule" }).click();
  await expect(dialog).toHaveCount(0);
  await expect(page.getByText(/next sync/)).toBeVisible();

  // At the next full minute.
  await expect(page.getByText("version 2")).toBeVisible({ timeout: 90_000 });
  await page.getByRole("button", { name: "Scheduled" }).click();
  await expect(dialog.getByText(/Every minute/)).toBeVisible();
  await expect(dialog.getByText(/Last run: succeeded/)).toBeVisible();
  await look(page, "schedule");
  await dialog.getByLabel("Pause").check();
  await dialog.getByRole("button", { name: "Save schedule" }).click();
  await expect(page.getByText("schedule paused")).toBeVisible();
  await page.getByRole("button", { name: "Schedule, paused" }).click();
  await dialog.getByRole("button", { name: "Remove schedule" }).click();
  await expect(page.getByText("schedule paused")).toHaveCount(0);
  await expect(page.getByRole("button", { name: "Schedule", exact: true })).toBeVisible();
});
