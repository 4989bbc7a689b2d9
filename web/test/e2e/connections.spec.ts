// What a connection tells of itself, against a server that is made slow, generous or strict while it is watched.
import { readFile } from "node:fs/promises";
import type { Page } from "@playwright/test";
import { call, expect, look, paste, signIn, test } from "./page";
import { PASSWORD, sql } from "./servers";

test.beforeEach(({ page }) => signIn(page));

const step = (page: Page, name: string) =>
  page.getByRole("list", { name: "Steps of the test" }).getByRole("listitem").filter({ hasText: name });

async function openReplica(page: Page) {
  await page.goto("/settings/connections");
  await page.getByRole("link", { name: "Shop replica" }).click();
  await expect(page.getByRole("heading", { name: "Shop replica" })).toBeVisible();
}

const form = (username: string, password: string) => ({
  kind: "postgresql",
  name: username,
  host: "127.0.0.1",
  port: Number(process.env.MYCORR_E2E_PG_PORT),
  database: "shop",
  username,
  password,
  encrypted: true,
  ca_certificate: process.env.MYCORR_E2E_CA,
});

test("the steps of a test are seen while it runs", async ({ page }) => {
  await openReplica(page);
  // Before a new connection says anything, its process waits.
  sql("ALTER SYSTEM SET pre_auth_delay = '4s'; SELECT pg_reload_conf();");
  try {
    await expect.poll(() => sql("SHOW pre_auth_delay").trim()).toBe("4s");
    await page.getByRole("button", { name: "Test again" }).click();
    await expect(step(page, "Reach the server").getByLabel("passed")).toBeVisible();
    await expect(step(page, "Encrypt").getByLabel("running")).toBeVisible();
    await expect(page.getByText("The connection works")).toHaveCount(0);
  } finally {
    sql("ALTER SYSTEM RESET pre_auth_delay; SELECT pg_reload_conf();");
  }
  await expect(page.getByText("The connection works")).toBeVisible();
  await expect(step(page, "Encrypt").getByLabel("passed")).toBeVisible();
  await page.getByText("The server's certificate", { exact: true }).click();
  await expect(page.getByRole("region", { name: "The server's certificate" })).toContainText(
    String(process.env.MYCORR_E2E_FINGERPRINT),
  );
  await look(page, "connection-tested");
});

test("a test that breaks off says so", async ({ page }) => {
  await openReplica(page);
  await page.route("**/api/v1/connections/*/test", (route) =>
    route.fulfill({
      headers: { "content-type": "text/event-stream" },
      body: 'event: step\ndata: {"step":"address","outcome":"passed","milliseconds":1,"message":"Found."}\n\n',
    }),
  );
  await page.getByRole("button", { name: "Test again" }).click();
  await expect(page.getByRole("alert")).toContainText("The answer broke off");
  await look(page, "connection-test-broken");
});

test("a generated role works with the password that nobody sent", async ({ page }) => {
  await page.goto("/settings/connections/new?kind=postgresql");
  await page.getByLabel("Name", { exact: true }).fill("Reports");
  await page.getByLabel("Host").fill("127.0.0.1");
  await page.getByLabel("Port").fill(String(process.env.MYCORR_E2E_PG_PORT));
  await page.getByLabel("Database").fill("shop");
  await page.getByLabel("Username").fill("report_reader");
  await page.getByRole("button", { name: "Another schema" }).click();
  await page.getByLabel("Schema 2", { exact: true }).fill("warehouse");
  const text = page.getByLabel("SQL", { exact: true });
  await expect(text).toContainText("GRANT USAGE ON SCHEMA warehouse TO report_reader");
  await look(page, "role-script");

  await page.getByRole("button", { name: "Make a password" }).click();
  await expect(text).toContainText("SCRAM-SHA-256$");
  const password = await page.getByLabel("Password", { exact: true }).inputValue();
  expect(password.length).toBeGreaterThan(16);
  const script = String(await text.textContent());
  expect(script).not.toContain(password);
  await page.getByRole("button", { name: "Reveal" }).click();
  await expect(page.getByText(password)).toBeVisible();

  await page.getByRole("button", { name: "For your DBA" }).click();
  await expect(page.getByLabel("page for the DBA", { exact: true })).toContainText("SCRAM-SHA-256$");
  await look(page, "role-script-handout");
  const download = page.waitForEvent("download");
  await page.getByRole("button", { name: "Download .txt" }).click();
  const handout = await readFile(await (await download).path(), "utf8");
  expect(handout).toContain("GRANT USAGE ON SCHEMA warehouse TO report_reader");
  expect(handout).not.toContain(password);

  sql(script);
  try {
    await page.getByText("Advanced", { exact: true }).click();
    await page.getByLabel("Custom CA certificate (PEM)").fill(String(process.env.MYCORR_E2E_CA));
    await page.getByRole("button", { name: "Test only" }).click();
    await expect(page.getByText("The connection works")).toBeVisible();
    await page.getByLabel("Schema 2", { exact: true }).fill("another");
    await expect(text).not.toContainText("SCRAM-SHA-256$");
  } finally {
    sql("DROP OWNED BY report_reader; DROP ROLE report_reader;");
  }
});

test("a Supabase project is asked for, and nothing of it is guessed", async ({ page }) => {
  await page.goto("/settings/connections/new");
  await page.getByRole("link", { name: /^Supabase/ }).click();
  const [host, port, username] = ["Host", "Port", "Username"].map((label) =>
    page.getByLabel(label, { exact: true }),
  );
  const places = async (...wanted: string[]) => {
    for (const [at, field] of [host, port, username].entries()) {
      await expect(field as NonNullable<typeof field>).toHaveValue(String(wanted[at]));
    }
  };
  await expect(page.getByRole("radio", { name: /Session pooler/ })).toBeChecked();
  await page.getByLabel("Project ref").fill("https://abcdefghijklmnopqrst.supabase.co");
  await page.getByLabel("Region", { exact: true }).selectOption("eu-central-1");
  await places("", "5432", "postgres.abcdefghijklmnopqrst");
  await page.getByLabel("Pooler", { exact: true }).selectOption("aws-1");
  await places("aws-1-eu-central-1.pooler.supabase.com", "5432", "postgres.abcdefghijklmnopqrst");
  await look(page, "supabase");
  await page.getByRole("radio", { name: /Transaction pooler/ }).check();
  await places("aws-1-eu-central-1.pooler.supabase.com", "6543", "postgres.abcdefghijklmnopqrst");
  await page.getByRole("radio", { name: /Direct connection/ }).check();
  await places("db.abcdefghijklmnopqrst.supabase.co", "5432", "postgres");
  await expect(page.getByLabel("Database", { exact: true })).toHaveValue("postgres");
  await expect(page.getByLabel("SQL", { exact: true })).toContainText("CREATE ROLE mycorr_reader");
  await page.getByRole("radio", { name: /Session pooler/ }).check();
  await page.getByLabel("Region", { exact: true }).selectOption("Another one…");
  await page.getByLabel("Region's name").fill("mars-north-1");
  await places("aws-1-mars-north-1.pooler.supabase.com", "5432", "postgres.abcdefghijklmnopqrst");
  await look(page, "supabase-region");

  await page.goto("/settings/connections/new?kind=postgresql");
  await page.getByLabel("Name", { exact: true }).fill("Pasted");
  await paste(
    page.getByLabel("Host", { exact: true }),
    "postgresql://postgres.abcdefghijklmnopqrst:[YOUR-PASSWORD]@aws-0-eu-west-2.pooler.supabase.com:6543/postgres",
  );
  await look(page, "supabase-offered");
  await page.getByRole("button", { name: "Use the Supabase form" }).click();
  await expect(page.getByLabel("Project ref")).toHaveValue("abcdefghijklmnopqrst");
  await expect(page.getByLabel("Region", { exact: true })).toHaveValue("eu-west-2");
  await expect(page.getByLabel("Pooler", { exact: true })).toHaveValue("aws-0");
  await expect(page.getByRole("radio", { name: /Transaction pooler/ })).toBeChecked();
  await expect(page.getByLabel("Name", { exact: true })).toHaveValue("Pasted");
});

test("what the role has too much of is said, with what takes it away", async ({ page }) => {
  await openReplica(page);
  const rights = page.getByRole("region", { name: "What the role may do" });
  sql("GRANT INSERT ON customers TO mycorr_reader; ALTER TABLE customers ENABLE ROW LEVEL SECURITY;");
  try {
    await rights.getByRole("button", { name: "Check again" }).click();
    await expect(rights.getByText("The role may do more than read")).toBeVisible();
    await expect(rights).toContainText("the role may see only some of the rows of");
    await expect(rights.getByRole("heading", { name: "Changes noticed" })).toBeVisible();
    await look(page, "connection-excess");
    sql(String(await rights.getByLabel("REVOKE", { exact: true }).first().textContent()));
  } finally {
    sql("ALTER TABLE customers DISABLE ROW LEVEL SECURITY;");
  }
  await rights.getByRole("button", { name: "Check again" }).click();
  await expect(rights).toContainText("It may do nothing beyond reading.");
  await expect(rights.locator(".notice")).toHaveCount(0);

  // What it could do without is offered, and not urged.
  sql("REVOKE SELECT ON pg_catalog.pg_auth_members FROM PUBLIC;");
  try {
    await rights.getByRole("button", { name: "Check again" }).click();
    const notice = rights.locator(".notice").filter({ hasText: "keeps a part of its catalogue" });
    const grant = notice.getByLabel("GRANT", { exact: true });
    await expect(notice).toBeVisible();
    await expect(grant).toBeHidden();
    await look(page, "connection-denied");
    await notice.getByText("What opens it").click();
    sql(String(await grant.textContent()));
    await rights.getByRole("button", { name: "Check again" }).click();
    await expect(notice).toHaveCount(0);
  } finally {
    sql("GRANT SELECT ON pg_catalog.pg_auth_members TO PUBLIC;");
  }
});

test("a deleted connection leaves its tables, which can come through another one", async ({ page }) => {
  interface Made {
    id: string;
  }
  const made = await call<Made>(page, "POST", "/connections", {
    ...form("mycorr_reader", PASSWORD),
    name: "Short-lived",
  });
  const models = await call<{ items: Made[] }>(page, "GET", "/models");
  const { table } = await call<{ table: Made }>(page, "POST", `/models/${models.items[0]?.id}/imports`, {
    connection_id: made.id,
    schema: "warehouse",
    table: "stock",
  });
  await page.goto(`/settings/connections/${made.id}`);
  const used = page.getByRole("region", { name: "Used by" });
  await expect(used.getByRole("row", { name: /stock.*in Shop.*warehouse\.stock/ })).toBeVisible();
  await used.getByRole("link", { name: "stock" }).click();
  await expect(page.getByText("2 rows")).toBeVisible();

  await page.goto(`/settings/connections/${made.id}`);
  await page.getByRole("button", { name: "Delete", exact: true }).click();
  const dialog = page.getByRole("dialog");
  await expect(dialog.getByRole("listitem").filter({ hasText: "stock" })).toBeVisible();
  await expect(dialog).toContainText("stays readable");
  await look(page, "connection-delete-used");
  await dialog.getByLabel("Type Short-lived to go on").fill("Short-lived");
  await dialog.getByRole("button", { name: "Delete connection" }).click();
  await expect(page).toHaveURL("/settings/connections");

  await page.goto(`/models/${models.items[0]?.id}?table=${table.id}`);
  await expect(page.getByText("2 rows")).toBeVisible();
  await expect(page.getByRole("button", { name: "Sync now" })).toBeDisabled();
  await page.getByRole("button", { name: "Use another connection…" }).click();
  await expect(dialog.getByLabel("Schema")).toHaveValue("warehouse");
  await expect(dialog.getByLabel("Table")).toHaveValue("stock");
  await look(page, "table-source");
  await dialog.getByRole("button", { name: "Use this connection" }).click();
  await expect(dialog).toContainText("stock now comes through Shop replica");
  await dialog.getByRole("button", { name: "Sync now" }).click();
  await expect(page.getByText("version 2", { exact: true })).toBeVisible();
});

test("an import that is held back says by what", async ({ page }) => {
  await openReplica(page);
  const courtesy = page.getByRole("form", { name: "Courtesy" });
  await courtesy.getByLabel("Imports at a time").fill("65");
  await expect(courtesy.getByText("A whole number from 1 to 64, or nothing.")).toBeVisible();
  await expect(courtesy.getByRole("button", { name: "Save the ceilings" })).toBeDisabled();
  await look(page, "connection-courtesy");
  await courtesy.getByLabel("MB per second").fill("0.5");
  await courtesy.getByLabel("Imports at a time").fill("1");
  await courtesy.getByRole("button", { name: "Save the ceilings" }).click();
  await expect(courtesy.getByRole("button", { name: "Save the ceilings" })).toBeDisabled();

  await page.goto("/");
  await page.getByRole("link", { name: /^Shop/ }).click();
  const tables = page.getByRole("navigation", { name: "Tables" });
  await tables.getByRole("link", { name: /orders/ }).click();
  await page.getByRole("button", { name: "Sync now" }).click();
  await expect(page.getByText("held back: the connection's limit of 0.5 MB/s")).toBeVisible();
  await look(page, "data-held-back");
  await tables.getByRole("link", { name: /nothing/ }).click();
  await page.getByRole("button", { name: "Sync now" }).click();
  await expect(page.getByText("waiting: the connection's limit of 1 import at a time")).toBeVisible();
  await tables.getByRole("link", { name: /orders/ }).click();
  await page.getByRole("button", { name: "Cancel" }).click();
  await tables.getByRole("link", { name: /nothing/ }).click();
  await expect(page.getByRole("progressbar")).toHaveCount(0);

  await openReplica(page);
  for (const label of ["MB per second", "Imports at a time"]) await courtesy.getByLabel(label).clear();
  await courtesy.getByRole("button", { name: "Save the ceilings" }).click();
  await expect(courtesy.getByRole("button", { name: "Save the ceilings" })).toBeDisabled();
});

test("passwords cannot be guessed through it, and it says so", async ({ page }) => {
  for (let turn = 0; turn < 10; turn += 1) {
    await call(page, "POST", "/connections/test", form("guessed", `guess ${turn}`));
  }
  await page.goto("/settings/connections/new?kind=postgresql");
  const { name, host, port, database, username } = form("guessed", "");
  for (const [label, value] of Object.entries({
    Name: name,
    Host: host,
    Port: String(port),
    Database: database,
    Username: username,
    Password: "one more",
  })) {
    await page.getByLabel(label, { exact: true }).fill(value);
  }
  await page.getByRole("button", { name: "Test only" }).click();
  await expect(page.getByText("This database refused this role too often")).toBeVisible();
  await expect(page.getByRole("list", { name: "Steps of the test" })).toHaveCount(0);
  await look(page, "connection-too-many");
});
