// Several people, each in a browser of their own.
import type { Browser, Page } from "@playwright/test";
import { ADA, call, expect } from "./page";

export const post = (page: Page, path: string, data: unknown) =>
  page.request.post(`/api/v1${path}`, { data, headers: { origin: origin() } });

const origin = () => String(process.env.MYCORR_E2E_URL);

/** A browser of its own, in which nobody is signed in. */
export async function another(browser: Browser): Promise<Page> {
  const context = await browser.newContext({ baseURL: origin(), reducedMotion: "reduce" });
  return context.newPage();
}

/** Somebody with an account, signed in in a browser of their own. */
export async function person(ada: Page, browser: Browser, name: string): Promise<Page> {
  const email = `${name.toLowerCase()}@example.org`;
  const { url } = await call<{ url: string }>(ada, "POST", "/invites", { email });
  const page = await another(browser);
  const form = { name, email, password: ADA.password, invite: url.split("/").at(-1) };
  expect((await post(page, "/sign-up", form)).status()).toBe(201);
  return page;
}
