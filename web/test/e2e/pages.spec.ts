// What holds for all pages: each has a name of its own and takes the focus to its head, and what is not there leads on.
import type { Page } from "@playwright/test";
import { call, expect, signIn, test } from "./page";

interface Made {
  id: string;
}

/** To another place as a link goes there: without loading the page anew. */
const go = (page: Page, path: string) =>
  page.evaluate((path) => window.history.pushState(null, "", path), path);

async function places(page: Page) {
  const first = async (path: string) => (await call<{ items: Made[] }>(page, "GET", path)).items[0]?.id;
  const model = await call<Made>(page, "POST", "/models", { name: "Walked through" });
  const team = await call<Made>(page, "POST", "/teams", { name: "Walkers" });
  return { model: model.id, team: team.id, connection: await first("/connections") };
}

test("each page has a name of its own and takes the focus to its head", async ({ page }) => {
  await signIn(page);
  const { model, team, connection } = await places(page);
  await page.goto("/");
  const names = new Set<string>();
  for (const path of [
    "/jobs",
    "/",
    `/models/${model}`,
    `/models/${model}/diagram`,
    `/models/${model}/import`,
    `/models/${model}/history`,
    `/models/${model}/activity`,
    "/settings/connections",
    "/settings/connections/new",
    "/settings/connections/new?kind=supabase",
    `/settings/connections/${connection}`,
    `/settings/connections/${connection}/statements`,
    `/settings/connections/${connection}/accept`,
    "/settings/tokens",
    "/settings/api",
    "/settings/account",
    "/settings/teams",
    `/settings/teams/${team}`,
    "/settings/invitations",
    "/settings/people",
    "/settings/audit",
    "/nowhere",
  ]) {
    await test.step(path, async () => {
      const before = await page.title();
      await go(page, path);
      await expect.poll(() => page.title()).not.toBe(before);
      await expect(page).toHaveTitle(/^.+ · Mycorr$/);
      // A form has the focus in its first field.
      const field = path.includes("kind=");
      await expect(field ? page.getByLabel("Name", { exact: true }) : page.locator("h1")).toBeFocused();
      names.add(await page.title());
    });
  }
  expect(names.size).toBe(22);
});

test("what is not there leads on", async ({ page }) => {
  await signIn(page);
  const { model } = await places(page);
  const none = "0199c2f0-7b1e-7000-8000-000000000000";
  await page.goto("/");
  for (const [path, way] of [
    ["/nowhere", "Go to your Models"],
    ["/settings/nowhere", "Go to your Models"],
    [`/models/${model}/nowhere`, "Go to your Models"],
    [`/models/${none}`, "Go to your Models"],
    [`/models/${none}/import`, "Go to your Models"],
    ["/models/no-id", "Go to your Models"],
    [`/tables/${none}`, "Go to your Models"],
    [`/settings/connections/${none}`, "Go to your Models"],
    [`/settings/connections/${none}/statements`, "Go to your Models"],
    [`/settings/teams/${none}`, "Go to your Models"],
    [`/models/${model}?table=${none}`, "Import a table"],
    [`/invite/${none}`, "Go to your Models"],
  ] as const) {
    await test.step(path, async () => {
      await go(page, path);
      await expect(page.getByRole("link", { name: way }).first()).toBeVisible();
      await expect(page.getByRole("button", { name: "Retry" })).toHaveCount(0);
      await expect(page).toHaveTitle(/^.+ · Mycorr$/);
      await expect(page.locator("h1")).toHaveCount(1);
    });
  }

  // Of a table that is there: another one, and a version that never was.
  const shop = (await call<{ items: (Made & { name: string })[] }>(page, "GET", "/models")).items.find(
    ({ name }) => name === "Shop",
  )?.id;
  for (const tab of ["", "/history"]) {
    await go(page, `/models/${shop}${tab}?table=${none}`);
    await expect(page.getByRole("heading", { name: "This table is not here" })).toBeVisible();
    await page.getByRole("link", { name: "Show the tables that are" }).click();
    await expect(page.getByRole("heading", { name: "This table is not here" })).toHaveCount(0);
  }
  await go(page, `/models/${shop}?v=99999`);
  await expect(page.getByRole("alert")).toBeVisible();
  await page.getByRole("link", { name: "Show the newest" }).last().click();
  await expect(page.getByRole("grid").getByRole("gridcell").first()).toBeVisible();
});
