import { ADA, expect, test } from "./page";
import { PASSWORD } from "./servers";

test("an account", async ({ page }) => {
  const headers = { origin: String(process.env.MYCORR_E2E_URL) };
  expect((await page.request.post("/api/v1/sign-up", { data: ADA, headers })).status()).toBe(201);
  const data = {
    kind: "postgresql",
    name: "Shop replica",
    host: "127.0.0.1",
    port: Number(process.env.MYCORR_E2E_PG_PORT),
    database: "shop",
    username: "mycorr_reader",
    password: PASSWORD,
    ca_certificate: process.env.MYCORR_E2E_CA,
  };
  expect((await page.request.post("/api/v1/connections", { data, headers })).status()).toBe(201);
});
