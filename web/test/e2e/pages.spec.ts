// What holds for all pages: each has a title of its own and moves the focus to its head, and what is not there leads on.
import type { Page } from "@playwright/test";
import { call, expect, signIn, test } from "./page";

interface Made {
  id: string;
}

/** No id of anything. */
const NONE = "0199c2f0-7b1e-7000-8000-000000000000";

/** The pages that begin with a field have the focus there. */
const FIELDS: Record<string, string> = {
  "/settings/connections/new": "Connection string",
  "/settings/connections/new?kind=supabase": "Name",
};

/** To another place as a link goes there: without loading the page anew. */
const go = (page: Page, path: string) =>
  page.evaluate((path) => window.history.pushState(null, "", path), path);

async function places(page: Page) {
  const first = async (path: string) => (await call<{ items: Made[] }>(page, "GET", path)).items[0]?.id;
  const models = await call<{ items: (Made & { name: string })[] }>(page, "GET", "/models?limit=1000");
  const shop = models.items.find(({ name }) => name.startsWith("Shop"))?.id;
  const model = await call<Made>(page, "POST", "/models", { name: "Walked through" });
  const team = await call<Made>(page, "POST", "/teams", { name: "Walkers" });
  const connection = await first("/connections");
  const table = await first(`/models/${shop}/tables`);
  return { model: model.id, team: team.id, connection, shop, table };
}

test("each page has a title of its own and moves the focus to its head", async ({ page }) => {
  await signIn(page);
  const { model, team, connection, shop, table } = await places(page);
  await page.goto("/");
  const names = new Map<string, string>();
  for (const path of [
    "/jobs",
    "/",
    `/models/${shop}`,
    `/models/${model}`,
    `/models/${model}/diagram`,
    `/models/${shop}/diagram`,
    `/models/${model}/import`,
    `/models/${shop}/import`,
    `/models/${model}/history`,
    `/models/${shop}/history`,
    `/models/${shop}/history?table=${table}&from=1&to=1`,
    `/models/${model}/activity`,
    `/tables/${table}`,
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
      const field = FIELDS[path];
      await expect(field ? page.getByLabel(field, { exact: true }) : page.locator("h1")).toBeFocused();
      expect(names.get(await page.title()), path).toBeUndefined();
      names.set(await page.title(), path);
    });
  }
  // Back takes the focus along too, and a tab that is pressed keeps it.
  await go(page, `/models/${shop}/history`);
  const tab = page.getByRole("navigation", { name: "Model" }).getByRole("link", { name: "Activity" });
  await tab.press("Enter");
  await expect(page).toHaveTitle(/^Activity in/);
  await expect(tab).toBeFocused();
  await page.goBack();
  await expect(page).toHaveTitle(/^History of/);
  await expect(page.locator("h1")).toBeFocused();
});

test("a head that is slow to come is waited for, and whoever went on is left alone", async ({ page }) => {
  await signIn(page);
  const { model } = await places(page);
  await page.goto("/jobs");
  await expect(page.getByRole("heading", { name: "Jobs" })).toBeVisible();
  let release = () => {};
  const held = new Promise<void>((resolve) => {
    release = resolve;
  });
  await page.route(`**/api/v1/models/${model}`, async (route) => {
    await held;
    await route.fallback();
  });
  // Longer than the few frames in which a page is there as a rule.
  const frames = () =>
    page.evaluate(async () => {
      for (let left = 150; left > 0; left -= 1) await new Promise(requestAnimationFrame);
    });
  await go(page, `/models/${model}`);
  await frames();
  release();
  await expect(page.getByRole("heading", { name: "Walked through" })).toBeFocused();

  await page.goto("/jobs");
  await expect(page.getByRole("heading", { name: "Jobs" })).toBeVisible();
  let releaseTeams = () => {};
  const heldTeams = new Promise<void>((resolve) => {
    releaseTeams = resolve;
  });
  await page.route(/\/assets\/Teams-.*\.js/, async (route) => {
    await heldTeams;
    await route.fallback();
  });
  await go(page, "/settings/teams");
  const settings = page.getByRole("navigation", { name: "Settings" });
  await settings.getByRole("link", { name: "Account" }).focus();
  releaseTeams();
  await expect(page.getByRole("heading", { name: "Teams", level: 1 })).toBeVisible();
  await expect(settings.getByRole("link", { name: "Account" })).toBeFocused();
});

test("a connection that was not offered is not taken over", async ({ page }) => {
  await signIn(page);
  await page.goto(`/settings/connections/${NONE}/accept`);
  await page.getByRole("button", { name: "Accept the connection" }).click();
  await expect(page.getByRole("alert")).toBeVisible();
  await page.getByRole("link", { name: "Go to your connections" }).click();
  await expect(page.getByRole("heading", { name: "Connections" })).toBeFocused();
});

test("what is not there leads on", async ({ page }) => {
  await signIn(page);
  const { model, shop, table, connection } = await places(page);
  // A table that its database does not have may come to be there: it can be asked again, and the others are beside it.
  await page.goto(`/models/${shop}/import?connection=${connection}&schema=public&from=none`);
  await expect(page.getByRole("alert")).toBeVisible();
  await page.getByRole("treeitem", { name: /customers/ }).click();
  await expect(page.getByRole("alert")).toHaveCount(0);
  await page.goto("/");
  const models = { link: "Go to your Models", there: /^\/$/ };
  const mine = (id: string | undefined, rest = "") => new RegExp(`^/models/${id}${rest}`);
  for (const [path, { link, there }] of [
    ["/nowhere", models],
    ["/settings/nowhere", models],
    [`/models/${model}/nowhere`, models],
    [`/models/${NONE}`, models],
    [`/models/${NONE}/import`, models],
    [`/models/${NONE}/history`, models],
    ["/models/no-id", models],
    ["/models/no-id/activity", models],
    [`/tables/${NONE}`, models],
    ["/tables/no-id", models],
    [`/settings/connections/${NONE}`, models],
    ["/settings/connections/no-id", models],
    [`/settings/connections/${NONE}/statements`, models],
    [`/settings/teams/${NONE}`, models],
    ["/settings/teams/no-id", models],
    [`/jobs/${NONE}`, models],
    [`/models/${model}?table=${NONE}`, { link: "Import a table", there: mine(model, "/import") }],
    [`/models/${shop}?table=${NONE}`, { link: "Show the tables that are", there: mine(shop) }],
    [`/models/${shop}?table=no-id`, { link: "Show the tables that are", there: mine(shop) }],
    [
      `/models/${shop}/history?table=${NONE}`,
      { link: "Show the tables that are", there: mine(shop, "/history") },
    ],
    [`/models/${shop}?table=${table}&v=99999`, { link: "Show the newest", there: mine(shop) }],
    [`/models/${shop}?table=${table}&v=held`, { link: "Show the newest", there: mine(shop) }],
    [`/tables/${table}?v=99999`, { link: "Show the newest", there: new RegExp(`^/tables/${table}`) }],
    [
      `/models/${shop}/history?table=${table}&from=1&to=99999`,
      { link: "Back to the history", there: mine(shop, "/history") },
    ],
    [
      `/models/${shop}/import?connection=${NONE}`,
      { link: "Use another connection", there: mine(shop, "/import") },
    ],
    [`/invite/${NONE}`, models],
  ] as const) {
    await test.step(path, async () => {
      await go(page, path);
      const way = page.getByRole("main").getByRole("link", { name: link, exact: true }).first();
      await expect(way).toBeVisible();
      await expect(page.getByRole("main").getByRole("button", { name: "Retry" })).toHaveCount(0);
      await expect(page).toHaveTitle(/^.+ · Mycorr$/);
      await expect(page.locator("h1")).toHaveCount(1);
      await way.click();
      await expect.poll(() => new URL(page.url()).pathname).toMatch(there);
      await expect(page.locator("h1")).toHaveCount(1);
      await expect(page.getByRole("main").getByRole("link", { name: link, exact: true })).toHaveCount(0);
    });
  }
});
