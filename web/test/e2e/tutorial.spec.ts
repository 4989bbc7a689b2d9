// docs/tutorial.md, word by word: its SQL is run and each numbered line is done as it is written. A line that this test
// does not understand fails it.
import { readFileSync } from "node:fs";
import { join } from "node:path";
import type { Page } from "@playwright/test";
import { expect, paste, test } from "./page";
import { emptyMycorr, sql } from "./servers";

const TEXT = readFileSync(join(import.meta.dirname, "../../../docs/tutorial.md"), "utf8");

type Step = { sql: string } | { line: string };

/** SQL and numbered lines, in their order. */
function steps(): Step[] {
  const found: Step[] = [];
  for (const [, code, line] of TEXT.matchAll(/^```sql\n([\s\S]*?)^```$|^\d+\. (.*)$/gm)) {
    if (code !== undefined) found.push({ sql: code });
    else if (line !== undefined) found.push({ line });
  }
  return found;
}

/** The one thing that can be pressed under this name; a link of a list says more than its name. */
async function press(page: Page, name: string) {
  const exact = { name, exact: true };
  const inDialog = page.getByRole("dialog").getByRole("button", exact);
  const places = [
    inDialog,
    page.getByRole("button", exact),
    page.getByRole("treeitem", { name: new RegExp(`table ${name} `) }),
    page.getByRole("link", exact),
    page.getByRole("navigation", { name: "Tables" }).getByRole("link", { name: new RegExp(`^${name}`) }),
  ];
  const any = places.reduce((all, one) => all.or(one));
  // A page that goes on by itself takes away what was found on the one before.
  await expect(async () => {
    await expect(any.first()).toBeVisible();
    for (const place of places) {
      if ((await place.count()) > 0) return place.first().click({ timeout: 2_000 });
    }
    throw new Error(`nothing to press is called ${name}`);
  }).toPass({ timeout: 30_000 });
}

const VERBS: [RegExp, (page: Page, url: string, ...words: string[]) => Promise<unknown>][] = [
  [/^Open `http:\/\/127\.0\.0\.1:8420`\.$/, (page, url) => page.goto(url)],
  [
    /^Write `([^`]+)` into \*\*([^*]+)\*\*\.$/,
    (page, _, text = "", label = "") => page.getByLabel(label, { exact: true }).fill(text),
  ],
  [/^Press \*\*([^*]+)\*\*\.$/, (page, _, name = "") => press(page, name)],
  [
    /^Choose \*\*([^*]+)\*\* under \*\*([^*]+)\*\*\.$/,
    (page, _, option = "", label = "") => page.getByLabel(label, { exact: true }).selectOption(option),
  ],
  [
    /^Tick \*\*([^*]+)\*\*\.$/,
    (page, _, name = "") => page.getByRole("checkbox", { name }).check({ timeout: 20_000 }),
  ],
  [
    /^You see \*\*([^*]+)\*\*\.$/,
    async (page, _, text = "") => {
      const seen = { timeout: 60_000 };
      const areRows = text.endsWith(" rows");
      // How many there are is told by the preview and by the job, too: what is meant are the rows that are here.
      if (areRows) await expect(page.getByRole("grid", { name: /^Rows of / })).toBeVisible(seen);
      await expect(page.getByText(text, { exact: areRows }).first()).toBeVisible(seen);
    },
  ],
  [
    /^Paste `([^`]+)`\.$/,
    async (page, _, text = "") => {
      // Where the test's own server is; its certificate is what the text below the steps speaks of.
      await expect(page.getByRole("heading", { name: "New connection", level: 1 })).toBeVisible();
      await paste(
        page.locator("body"),
        text.replace("127.0.0.1:5432", `127.0.0.1:${process.env.MYCORR_E2E_PG_PORT}`),
      );
      await expect(page.getByRole("button", { name: "Test and save" })).toBeFocused();
      await paste(page.locator("body"), String(process.env.MYCORR_E2E_CA));
      await expect(page.getByLabel("Custom CA certificate (PEM)")).toHaveValue(/BEGIN CERTIFICATE/);
    },
  ],
];

test("the tutorial can be followed word by word", async ({ page }) => {
  const mycorr = await emptyMycorr();
  try {
    const all = steps();
    expect(all.length).toBeGreaterThan(40);
    for (const step of all) {
      if ("sql" in step) {
        sql(step.sql);
        continue;
      }
      await test.step(step.line, async () => {
        for (const [pattern, act] of VERBS) {
          const words = pattern.exec(step.line);
          if (words) return act(page, mycorr.url, ...words.slice(1));
        }
        throw new Error(`no test for: ${step.line}`);
      });
    }
  } finally {
    await mycorr.end();
    sql("DROP SCHEMA IF EXISTS tutorial CASCADE; DROP ROLE IF EXISTS tutorial_reader;");
  }
});
