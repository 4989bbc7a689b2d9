// Signing in and out at a real OpenID Connect provider.
import { ADA, call, expect, look, test } from "./page";
import { emptyMycorr, startProvider } from "./servers";

// One of its own, set before its page is made.
let provider: Awaited<ReturnType<typeof startProvider>>;
let mycorr: Awaited<ReturnType<typeof emptyMycorr>>;
const before = process.env.MYCORR_E2E_URL;
test.beforeAll(async () => {
  provider = await startProvider();
  mycorr = await emptyMycorr(provider.settings);
  process.env.MYCORR_E2E_URL = mycorr.url;
});
test.afterAll(async () => {
  process.env.MYCORR_E2E_URL = before;
  await mycorr.end();
  await provider.end();
});

test("who is invited signs in at a provider, and out there too", async ({ page, browser }) => {
  const headers = { origin: mycorr.url };
  expect((await page.request.post("/api/v1/sign-up", { data: ADA, headers })).status()).toBe(201);
  const context = await browser.newContext({ baseURL: mycorr.url, reducedMotion: "reduce" });
  const eve = await context.newPage();
  const claims = { email: "eve@example.org", email_verified: true, name: "Eve" };
  await page.request.put(`${provider.issuer}/users/eve`, { data: claims });
  const signInAtCorp = async () => {
    await eve.getByRole("link", { name: "Sign in with Corp" }).click();
    await eve.getByPlaceholder("sub").fill("eve");
    await eve.getByRole("button", { name: "Authorize", exact: true }).click();
  };

  // Nobody has invited her: she is told why, on the page for signing in.
  await eve.goto("/jobs");
  await signInAtCorp();
  await expect(eve.getByRole("alert")).toContainText("You were not signed in");
  await expect(eve.getByRole("alert")).toContainText("invitation");
  await look(eve, "sign-in-provider-refused");

  // Invited, she comes to where she wanted to be in the first place.
  await call(page, "POST", "/invites", { email: "eve@example.org" });
  await signInAtCorp();
  await expect(eve.getByRole("heading", { name: "Jobs", level: 1 })).toBeVisible();
  await eve.goto("/settings/account");
  await expect(eve.getByRole("region", { name: "Sign in elsewhere" })).toContainText("Corp");
  await look(eve, "account-provider");

  await eve.getByRole("button", { name: "Account" }).click();
  await eve.getByRole("menuitem", { name: "Sign out" }).click();
  await expect(eve.getByText("You are signed out of Mycorr")).toBeVisible();
  await look(eve, "signed-out-provider");
  await eve.getByRole("link", { name: "Sign out of Corp too" }).click();
  await eve.getByRole("button", { name: "End session" }).click();
  await expect(eve.getByRole("link", { name: "Sign in with Corp" })).toBeVisible();
  await expect(eve.getByText("You are signed out of Mycorr")).toHaveCount(0);
  await context.close();
});
