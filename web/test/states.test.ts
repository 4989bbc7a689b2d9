// What the browser tests look at, counted: the list in e2e/states.ts is what they do.
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, it } from "vitest";
import { STATES } from "./e2e/states";

/** Fewer states than these were looked at once. */
const MIN_STATES = 22;

it("the browser tests look at each state that is listed, once, and at no other", () => {
  const folder = join(import.meta.dirname, "e2e");
  const looked = readdirSync(folder)
    .filter((name) => name.endsWith(".spec.ts"))
    .flatMap((name) => {
      const states = [...readFileSync(join(folder, name), "utf8").matchAll(/\blook\(\w+, "([^"]+)"\)/g)];
      return states.map(([, state]) => [name.replace(".spec.ts", ""), state] as const);
    });
  const listed = Object.entries(STATES).flatMap(([file, states]) => states.map((state) => [file, state]));
  expect(looked.toSorted()).toEqual(listed.toSorted());
  expect(new Set(listed.map(([, state]) => state)).size).toBe(listed.length);
  expect(listed.length).toBeGreaterThanOrEqual(MIN_STATES);
});
