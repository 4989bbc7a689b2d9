// What several people do with one Mycorr: accounts, invitations, teams, sharing, handing over.
import type { Page } from "@playwright/test";
import { ADA, call, expect, look, signIn, test } from "./page";
import { another, person, post } from "./people";
import { emptyMycorr, shop } from "./servers";

// One of its own: who is in it, and who is not, is known.
let mycorr: Awaited<ReturnType<typeof emptyMycorr>>;
const before = process.env.MYCORR_E2E_URL;
test.beforeAll(async ({ browser }) => {
  mycorr = await emptyMycorr();
  process.env.MYCORR_E2E_URL = mycorr.url;
  const page = await another(browser);
  expect((await post(page, "/sign-up", ADA)).status()).toBe(201);
  await page.context().close();
});
test.afterAll(async () => {
  await mycorr.end();
  process.env.MYCORR_E2E_URL = before;
});

/** A connection to the shop; its id. */
async function connection(page: Page, name: string): Promise<string> {
  const { id } = await call<{ id: string }>(page, "POST", "/connections", shop(name));
  return id;
}

const model = (page: Page, name: string) => call<{ id: string }>(page, "POST", "/models", { name });

test.beforeEach(({ page }) => signIn(page));

test("a Model is shared with somebody without an account, who comes by the link", async ({
  page,
  browser,
}) => {
  const { id } = await model(page, "Shared by link");
  await page.goto(`/models/${id}`);
  await page.getByRole("button", { name: "Share", exact: true }).click();
  const dialog = page.getByRole("dialog", { name: "Share Shared by link" });
  await expect(dialog.getByLabel("E-mail")).toBeFocused();
  await expect(dialog.getByRole("row", { name: /Ada Lovelace/ })).toContainText("owner");
  await dialog.getByLabel("E-mail").fill("no address");
  await dialog.getByRole("button", { name: "Share" }).click();
  await expect(dialog.getByRole("alert")).toBeVisible();
  await dialog.getByLabel("E-mail").fill("bob@example.org");
  await dialog.getByRole("button", { name: "Share" }).click();
  const url = await dialog.getByLabel("link", { exact: true }).textContent();
  await expect(dialog.getByRole("row", { name: /bob@example.org/ })).toContainText("invited");
  await look(page, "share");

  const bob = await another(browser);
  await bob.goto(String(url));
  await expect(bob.getByRole("heading", { name: "You are invited" })).toBeVisible();
  await expect(bob.getByLabel("E-mail")).toHaveValue("bob@example.org");
  await look(bob, "invite");
  await bob.getByLabel("Name").fill("Bob");
  await bob.getByLabel("Password", { exact: true }).fill(ADA.password);
  await bob.getByRole("button", { name: "Create account" }).click();
  await bob.getByRole("link", { name: /Shared by link/ }).click();

  // He may look, and each control says why he may do no more.
  await bob.getByRole("button", { name: "Share", exact: true }).click();
  const shown = bob.getByRole("dialog", { name: "Share Shared by link" });
  await expect(
    shown.getByText("Only Ada Lovelace, who owns this Model, can change who sees it."),
  ).toBeVisible();
  await expect(shown.getByLabel("E-mail")).toBeDisabled();
  await expect(shown.getByRole("button", { name: "Share" })).toBeDisabled();
  await expect(shown.getByRole("row", { name: /Bob/ })).toContainText("(you)");
  await look(bob, "share-viewer");
  await bob.keyboard.press("Escape");
  await expect(shown).toBeHidden();
  await expect(bob.getByRole("button", { name: "Share", exact: true })).toBeFocused();
  await bob.getByRole("button", { name: "Actions on this Model" }).click();
  await expect(bob.getByRole("menuitem", { name: "Delete Model…" })).toBeDisabled();
  await bob.keyboard.press("Escape");

  // Used once, it is good no more.
  const late = await another(browser);
  await late.goto(String(url));
  await expect(late.getByRole("alert")).toContainText("This invitation is not valid");
  await look(late, "invite-used");

  // He may change tables, and then sees nothing any more.
  await page.reload();
  await dialog.getByLabel("What Bob may do").selectOption("collaborator");
  await expect
    .poll(async () => (await call<{ access: string }>(bob, "GET", `/models/${id}`)).access)
    .toBe("collaborator");
  await dialog.getByRole("button", { name: "Remove Bob" }).click();
  await page.getByRole("dialog", { name: "Remove Bob" }).getByRole("button", { name: "Remove" }).click();
  await expect(dialog.getByRole("row", { name: /Bob/ })).toHaveCount(0);
  await bob.goto(`/models/${id}`);
  await expect(bob.getByRole("alert")).toBeVisible();

  // What was done stands in the Model's activity.
  await page.goto(`/models/${id}/activity`);
  await expect(page.getByRole("row", { name: /stopped sharing/ })).toContainText("bob@example.org");
  await expect(page.getByRole("row", { name: /made the Model/ })).toContainText("Ada Lovelace");
  await look(page, "activity");
});

test("a team is made, and a Model is shared with all who are in it", async ({ page, browser }) => {
  const carla = await person(page, browser, "Carla");
  await page.goto("/settings/teams");
  await expect(page.getByRole("heading", { name: "No team yet" })).toBeVisible();
  await look(page, "teams-empty");
  await page.getByRole("button", { name: "New team" }).click();
  await page.getByLabel("Name").fill("Analysts");
  await page.getByRole("button", { name: "Create team" }).click();
  await expect(page.getByRole("heading", { name: "Analysts" })).toBeVisible();
  await page.getByLabel("E-mail").fill("carla@example.org");
  await page.getByRole("button", { name: "Add" }).click();
  await expect(page.getByRole("row", { name: /Carla/ })).toBeVisible();
  await page.getByLabel("E-mail").fill("dan@example.org");
  await page.getByRole("button", { name: "Add" }).click();
  await expect(page.getByLabel("link", { exact: true })).toContainText("/invite/");
  await look(page, "team");
  await expect(page.getByRole("button", { name: "Leave" })).toHaveAttribute("aria-disabled", "true");
  await page.getByRole("button", { name: "Leave" }).hover();
  await expect(page.getByRole("tooltip")).toContainText("This is the last admin.");

  const { id } = await model(page, "Shared with a team");
  await page.goto(`/models/${id}?share=1`);
  const dialog = page.getByRole("dialog");
  await dialog.getByLabel("With").selectOption({ label: "team Analysts" });
  await dialog.getByLabel("May", { exact: true }).selectOption("collaborator");
  await dialog.getByRole("button", { name: "Share" }).click();
  await expect(dialog.getByRole("row", { name: /^Analysts/ })).toContainText("team");
  await expect(dialog.getByRole("row", { name: /Carla/ })).toContainText("through Analysts");
  await dialog.getByLabel("What Analysts may do").selectOption("viewer");
  await expect
    .poll(async () => (await call<{ access: string }>(carla, "GET", `/models/${id}`)).access)
    .toBe("viewer");
  await look(page, "share-team");

  // A member sees who is in the team and leaves it.
  await carla.goto("/settings/teams");
  await carla.getByRole("link", { name: "Analysts" }).click();
  await expect(carla.getByRole("button", { name: "Delete" })).toHaveAttribute("aria-disabled", "true");
  await expect(carla.getByLabel("E-mail")).toBeDisabled();
  await look(carla, "team-member");
  await carla.getByRole("button", { name: "Leave" }).click();
  await carla.getByRole("dialog").getByRole("button", { name: "Leave" }).click();
  await expect(carla).toHaveURL("/settings/teams");
  await expect(carla.getByRole("heading", { name: "No team yet" })).toBeVisible();

  await page.goto("/settings/teams");
  await look(page, "teams");
  await page.getByRole("link", { name: "Analysts" }).click();
  await page.getByRole("button", { name: "Rename" }).click();
  await page.getByLabel("Name", { exact: true }).fill("Data people");
  await page.getByRole("dialog").getByRole("button", { name: "Rename" }).click();
  await expect(page.getByRole("heading", { name: "Data people" })).toBeVisible();
  await page.getByRole("button", { name: "Delete" }).click();
  await page.getByLabel("Type Data people to go on").fill("Data people");
  await page.getByRole("button", { name: "Delete team" }).click();
  await expect(page).toHaveURL("/settings/teams");
});

test("an account: its name, its password, and where it is signed in", async ({ page, browser }) => {
  const eve = await person(page, browser, "Eve");
  const elsewhere = await another(browser);
  await post(elsewhere, "/sign-in", { email: "eve@example.org", password: ADA.password });
  await eve.goto("/");
  await eve.getByRole("button", { name: "Account" }).click();
  await eve.getByRole("menuitem", { name: "Your account" }).click();
  await expect(eve.getByRole("heading", { name: "Account", exact: true })).toBeFocused();
  await eve.getByLabel("Name", { exact: true }).fill("Eve Adams");
  await eve.getByRole("button", { name: "Save name" }).click();
  await expect.poll(async () => (await call<{ name: string }>(eve, "GET", "/me")).name).toBe("Eve Adams");
  await expect(eve.getByRole("table", { name: "Sessions" }).getByRole("row")).toHaveCount(3);
  await look(eve, "account");

  const current = eve.getByLabel("Current password", { exact: true });
  await current.fill("not mine");
  await eve.getByLabel("New password", { exact: true }).fill("another sentence");
  await eve.getByRole("button", { name: "Change password" }).click();
  await expect(eve.getByText("This is not your password.")).toBeVisible();
  await current.fill(ADA.password);
  await eve.getByRole("button", { name: "Change password" }).click();
  await expect(eve.getByText("Every other session has ended.")).toBeVisible();
  expect((await elsewhere.request.get("/api/v1/me")).status()).toBe(401);
  await expect(eve.getByRole("table", { name: "Sessions" }).getByRole("row")).toHaveCount(2);

  await eve.getByRole("button", { name: "End this session" }).click();
  await eve.getByRole("dialog").getByRole("button", { name: "End session" }).click();
  await expect(eve.getByRole("dialog", { name: "Your session ended" })).toBeVisible();
});

test("a token may read one Model and nothing else", async ({ page }) => {
  const { id } = await model(page, "For a token");
  await page.goto("/settings/tokens");
  await page.getByRole("button", { name: "New token" }).click();
  await page.getByLabel("Name").fill("Narrow");
  await page.getByLabel("May", { exact: true }).selectOption("read");
  await page.getByLabel("In", { exact: true }).selectOption({ label: "the Model For a token only" });
  await look(page, "token-narrow");
  await page.getByRole("button", { name: "Create token" }).click();
  const token = await page.getByLabel("token", { exact: true }).textContent();
  await page.getByRole("button", { name: "I have copied it" }).click();
  await expect(page.getByRole("row", { name: /Narrow/ })).toContainText("in For a token");
  const headers = { authorization: `Bearer ${token}`, cookie: "" };
  expect((await page.request.get(`/api/v1/models/${id}`, { headers })).status()).toBe(200);
  expect((await page.request.get("/api/v1/models", { headers })).status()).toBe(403);
  expect((await page.request.patch(`/api/v1/models/${id}`, { headers, data: { name: "x" } })).status()).toBe(
    403,
  );
  await page.getByRole("button", { name: "Revoke Narrow" }).click();
  await page.getByRole("dialog").getByRole("button", { name: "Revoke token" }).click();
  await expect(page.getByRole("row", { name: /Narrow/ })).toHaveCount(0);
});

test("an administrator makes a link to a new password, disables an account and reads what was done", async ({
  page,
  browser,
}) => {
  const frank = await person(page, browser, "Frank");
  await page.goto("/settings/people");
  await page.getByLabel("Search people").fill("FRANK@");
  await expect(page.getByRole("row", { name: /Frank/ })).toBeVisible();
  await expect(page.getByRole("row", { name: /Ada/ })).toHaveCount(0);
  await look(page, "people");
  await page.getByRole("button", { name: "Manage Frank" }).click();
  await look(page, "people-menu");
  await page.getByRole("menuitem", { name: "Make a link to a new password" }).click();
  const url = await page.getByLabel("link", { exact: true }).textContent();
  await look(page, "people-reset");
  await page.getByRole("button", { name: "I have copied it" }).click();

  const reset = await another(browser);
  await reset.goto(String(url));
  await reset.getByLabel("New password", { exact: true }).fill("a new sentence");
  await look(reset, "password-reset");
  await reset.getByRole("button", { name: "Set password" }).click();
  await expect(reset.getByText("Your new password is set")).toBeVisible();
  expect((await frank.request.get("/api/v1/me")).status()).toBe(401);
  await reset.getByRole("link", { name: "Sign in" }).click();
  await reset.getByLabel("E-mail").fill("frank@example.org");
  await reset.getByLabel("Password", { exact: true }).fill("a new sentence");
  await reset.getByRole("button", { name: "Sign in" }).click();
  await expect(reset.getByRole("heading", { name: "Models" })).toBeVisible();
  const used = await another(browser);
  await used.goto(String(url));
  await used.getByLabel("New password", { exact: true }).fill("once more, please");
  await used.getByRole("button", { name: "Set password" }).click();
  await expect(used.getByRole("alert")).toContainText("This link is not valid");

  await page.getByRole("button", { name: "Manage Frank" }).click();
  await page.getByRole("menuitem", { name: "Disable…" }).click();
  await page.getByRole("dialog").getByRole("button", { name: "Disable account" }).click();
  await expect(page.getByRole("row", { name: /Frank/ })).toContainText("disabled");
  expect((await reset.request.get("/api/v1/me")).status()).toBe(401);
  await page.getByRole("button", { name: "Manage Frank" }).click();
  await page.getByRole("menuitem", { name: "Enable" }).click();
  await expect(page.getByRole("row", { name: /Frank/ })).toContainText("person");

  await page.goto("/settings/audit");
  await page.getByLabel("What").selectOption({ label: "disabled the account" });
  await expect(page.getByRole("row", { name: /frank@example.org/ })).toBeVisible();
  await look(page, "audit");
  await page.getByLabel("Who").fill("nobody@example.org");
  await expect(page.getByRole("alert")).toContainText("Nobody has this address");
  await page.getByRole("button", { name: "Clear filters" }).click();
  await expect(page.getByRole("row", { name: /made an account/ }).first()).toBeVisible();

  // To others the page says that it is not theirs.
  const grace = await person(page, browser, "Grace");
  await grace.goto("/settings/people");
  await expect(grace.getByRole("alert")).toContainText("Only an administrator can do that");
  await expect(grace.getByRole("link", { name: "Audit" })).toHaveCount(0);
});

test("an invitation brings Models and teams, and can be taken back", async ({ page, browser }) => {
  const { id } = await model(page, "Brought along");
  await page.goto("/settings/invitations");
  await page.getByRole("button", { name: "Invite somebody" }).click();
  const dialog = page.getByRole("dialog", { name: "Invite somebody" });
  await dialog.getByLabel("E-mail").fill("heidi@example.org");
  await dialog.getByLabel("Brought along").check();
  await dialog.getByLabel("There they may").selectOption("collaborator");
  await look(page, "invitation-new");
  await dialog.getByRole("button", { name: "Invite" }).click();
  const url = await dialog.getByLabel("link", { exact: true }).textContent();
  await dialog.getByRole("button", { name: "I have copied it" }).click();
  await expect(page.getByRole("row", { name: /heidi@example.org/ })).toBeVisible();
  await look(page, "invitations");
  await page.getByRole("button", { name: "Take back the invitation of heidi@example.org" }).click();
  await page.getByRole("dialog").getByRole("button", { name: "Take back" }).click();
  await expect(page.getByRole("row", { name: /heidi@example.org/ })).toHaveCount(0);
  const heidi = await another(browser);
  await heidi.goto(String(url));
  await expect(heidi.getByRole("alert")).toContainText("This invitation is not valid");

  // Who has an account already accepts it there, and nobody else does.
  const { url: second } = await call<{ url: string }>(page, "POST", "/invites", {
    email: "ivan@example.org",
    models: [{ model_id: id, access: "viewer" }],
  });
  await page.goto(second);
  await expect(page.getByRole("button", { name: "Sign out, then open the link again" })).toBeVisible();
  const ivan = await another(browser);
  await ivan.goto(second);
  await ivan.getByLabel("Name").fill("Ivan");
  await ivan.getByLabel("Password", { exact: true }).fill(ADA.password);
  await ivan.getByRole("button", { name: "Create account" }).click();
  await expect(ivan.getByRole("link", { name: /Brought along/ })).toBeVisible();
});

test("who may sync through a connection is its owner's to say, and it can be handed over", async ({
  page,
  browser,
}) => {
  const judy = await person(page, browser, "Judy");
  const id = await connection(page, "To hand over");
  await page.goto(`/settings/connections/${id}`);
  await page.getByLabel("Who may sync tables that come through it").selectOption("owner");
  await expect
    .poll(async () => (await call<{ sync_by: string }>(page, "GET", `/connections/${id}`)).sync_by)
    .toBe("owner");
  await page.getByRole("button", { name: "Hand over…" }).click();
  await page.getByLabel("E-mail of the new owner").fill("judy@example.org");
  await look(page, "connection-hand-over");
  await page.getByRole("dialog").getByRole("button", { name: "Offer it" }).click();
  await expect(page.getByText("Until they accept, the connection stays yours.")).toBeVisible();
  await look(page, "connection-offered");
  await judy.goto(`/settings/connections/${id}/accept`);
  await look(judy, "connection-accept");
  await judy.getByRole("button", { name: "Accept the connection" }).click();
  await expect(judy.getByRole("heading", { name: "To hand over" })).toBeVisible();
  await page.reload();
  await expect(page.getByRole("alert")).toBeVisible();
});

test("a Model is handed over, and who had it may change tables", async ({ page, browser }) => {
  const kim = await person(page, browser, "Kim");
  const { id } = await model(page, "Handed over");
  await page.goto(`/models/${id}`);
  await page.getByRole("button", { name: "Actions on this Model" }).click();
  await page.getByRole("menuitem", { name: "Hand over…" }).click();
  const dialog = page.getByRole("dialog", { name: "Hand over the Model" });
  await dialog.getByLabel("E-mail of the new owner").fill("nobody@example.org");
  await dialog.getByRole("button", { name: "Hand over" }).click();
  await expect(dialog.getByRole("alert")).toBeVisible();
  await dialog.getByLabel("E-mail of the new owner").fill("kim@example.org");
  await look(page, "model-hand-over");
  await dialog.getByRole("button", { name: "Hand over" }).click();
  await expect(dialog).toBeHidden();
  await page.getByRole("button", { name: "Actions on this Model" }).click();
  await expect(page.getByText("Only Kim can do these:")).toBeVisible();
  expect((await call<{ access: string }>(kim, "GET", `/models/${id}`)).access).toBe("owner");
  expect((await call<{ access: string }>(page, "GET", `/models/${id}`)).access).toBe("collaborator");
});

test("one table alone is shown to somebody", async ({ page, browser }) => {
  const lea = await person(page, browser, "Lea");
  const connection_id = await connection(page, "Shop");
  const { id } = await model(page, "With one table to show");
  await call(page, "POST", `/models/${id}/imports`, { connection_id, schema: "warehouse", table: "stock" });
  const tables = () => call<{ items: { id: string }[] }>(page, "GET", `/models/${id}/tables`);
  await expect.poll(async () => (await tables()).items.length).toBe(1);
  await page.goto(`/models/${id}`);
  await page.getByRole("button", { name: "Actions on this table" }).click();
  await page.getByRole("menuitem", { name: "Share this table…" }).click();
  const dialog = page.getByRole("dialog", { name: "Share stock" });
  await expect(dialog.getByText("Nobody was shown this table alone.")).toBeVisible();
  await dialog.getByLabel("E-mail").fill("lea@example.org");
  await dialog.getByRole("button", { name: "Share" }).click();
  await expect(dialog.getByRole("row", { name: /Lea/ })).toContainText("look");
  await look(page, "share-table");

  const table = (await tables()).items[0]?.id;
  await lea.goto("/");
  // The notice leads to the table: its Model is not hers to see.
  await lea.getByRole("button", { name: /^Notices/ }).click();
  await lea.getByRole("link", { name: /shares stock with you/ }).click();
  await expect(lea).toHaveURL(`/tables/${table}`);
  await lea.goto("/");
  await lea.getByRole("link", { name: /stock/ }).click();
  await expect(lea).toHaveURL(`/tables/${table}`);
  await expect(lea.getByRole("grid", { name: "Rows of stock" })).toBeVisible();
  await expect(lea.getByRole("button", { name: "Sync now" })).toHaveAttribute("aria-disabled", "true");
  await look(lea, "table-alone");
  await lea.goto(`/models/${id}`);
  await expect(lea.getByRole("alert")).toBeVisible();
});
