// What all browser tests share: who is signed in, and how a page is looked at.

import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { test as base, expect, type Locator, type Page } from "@playwright/test";
import type { State } from "./states";

const AXE = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");

export const ADA = { name: "Ada Lovelace", email: "ada@example.org", password: "a sentence to keep" };

export const test = base.extend<{ complaints: string[] }>({
  // biome-ignore lint/correctness/noEmptyPattern: Playwright asks for a pattern
  baseURL: async ({}, use) => use(process.env.MYCORR_E2E_URL),
  /** What the browser complained of: errors in scripts, things that the Content-Security-Policy blocked. */
  complaints: [
    async ({ page }, use) => {
      const complaints: string[] = [];
      page.on("pageerror", (error) => complaints.push(String(error)));
      page.on("console", (message) => {
        // An answer of 4xx or 5xx, or none, is a part of some tests.
        if (
          message.type() === "error" &&
          !/status of [45]|ERR_FAILED|ERR_CONNECTION_REFUSED/.test(message.text())
        )
          complaints.push(message.text());
      });
      await use(complaints);
      expect(complaints).toEqual([]);
    },
    { auto: true },
  ],
});

export { expect };

/** Signed in without the form. */
export async function signIn(page: Page) {
  const { email, password } = ADA;
  const answer = await page.request.post("/api/v1/sign-in", {
    data: { email, password },
    headers: { origin: String(process.env.MYCORR_E2E_URL) },
  });
  expect(answer.status()).toBe(200);
}

/** A call of the API in the name of who is signed in on the page. */
export async function call<T>(page: Page, method: "POST" | "GET", path: string, data?: unknown): Promise<T> {
  const headers = { origin: String(process.env.MYCORR_E2E_URL) };
  const answer = await page.request.fetch(`/api/v1${path}`, { method, data, headers });
  return (await answer.json()) as T;
}

/** Pastes as the keyboard would. */
export function paste(field: Locator, text: string) {
  return field.evaluate((node, text) => {
    const data = new DataTransfer();
    data.setData("text/plain", text);
    node.dispatchEvent(new ClipboardEvent("paste", { clipboardData: data, bubbles: true, cancelable: true }));
  }, text);
}

/** What the next copy puts into the clipboard. */
export async function copied(page: Page, copy: () => Promise<unknown>) {
  await page.evaluate(() => {
    const { setData } = DataTransfer.prototype;
    DataTransfer.prototype.setData = function (format, text) {
      document.documentElement.setAttribute("data-copied", text);
      setData.call(this, format, text);
    };
  });
  await copy();
  return page.locator("html").getAttribute("data-copied");
}

interface Violation {
  id: string;
  nodes: { target: string[]; failureSummary?: string }[];
}

const SCHEMES = ["light", "dark"] as const;
const WIDTHS = [1280, 420];

/** Longer than anything on the page moves, ms. */
const MOVING = 300;

/** What was asked to move has come to rest; what moves for ever, as a progress bar does, is not waited for. */
const settle = (page: Page) =>
  page.evaluate(async (most) => {
    const frame = () => new Promise(requestAnimationFrame);
    await frame();
    await frame();
    const moving = document
      .getAnimations()
      .filter(({ effect }) => effect?.getComputedTiming().iterations !== Number.POSITIVE_INFINITY);
    // Of what is not drawn the end is never told.
    const late = new Promise((resolve) => setTimeout(resolve, most));
    await Promise.race([Promise.allSettled(moving.map(({ finished }) => finished)), late]);
    await frame();
  }, MOVING);

/** No rule of axe is broken, light and dark, wide and narrow; a screenshot of each is kept. */
export async function look(page: Page, name: State) {
  const was = page.viewportSize() ?? { width: 1280, height: 800 };
  await page.mouse.move(0, 0);
  // As text: the Content-Security-Policy forbids a script tag from elsewhere.
  if (!(await page.evaluate("'axe' in window"))) await page.evaluate(AXE);
  for (const width of WIDTHS) {
    await page.setViewportSize({ width, height: was.height });
    for (const colorScheme of SCHEMES) {
      await page.emulateMedia({ colorScheme });
      await settle(page);
      await page.screenshot({ path: `test-results/pages/${name}-${colorScheme}-${width}.png` });
      // Menus and tooltips float beside the landmarks by design, so the rule "region" is left out.
      const found: Violation[] = await page.evaluate(
        "axe.run({ rules: { region: { enabled: false } }, resultTypes: ['violations'] }).then(({ violations }) => violations)",
      );
      const told = found.map(
        ({ id, nodes }) => `${id}: ${nodes.map((node) => node.target.join(" ")).join(", ")}`,
      );
      expect(told, `${name}, ${colorScheme}, ${width} px`).toEqual([]);
    }
    const wider = await page.evaluate(() => document.documentElement.scrollWidth - window.innerWidth);
    expect(wider, `${name} at ${width} px scrolls sideways`).toBeLessThanOrEqual(0);
    const lower = await page.evaluate(() =>
      document.querySelector(".shell") ? document.documentElement.scrollHeight - window.innerHeight : 0,
    );
    expect(lower, `${name} at ${width} px scrolls its head away`).toBeLessThanOrEqual(0);
  }
  await page.emulateMedia({ colorScheme: "light" });
  await page.setViewportSize(was);
}
