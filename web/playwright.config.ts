import { defineConfig } from "@playwright/test";

const JOURNEY = "journey.spec.ts";
const PEOPLE = ["people.spec.ts", "provider.spec.ts"];
const ALONE = ["way.spec.ts", "keyboard.spec.ts", "tutorial.spec.ts"];

// The real binary against a real PostgreSQL, see test/e2e/servers.ts. One worker: all share them.
export default defineConfig({
  testDir: "test/e2e",
  outputDir: "test-results",
  globalSetup: "./test/e2e/servers.ts",
  workers: 1,
  timeout: 120_000,
  expect: { timeout: 20_000 },
  reporter: [["list"]],
  use: {
    viewport: { width: 1280, height: 800 },
    reducedMotion: "reduce",
    trace: "retain-on-failure",
    launchOptions: {
      executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium",
      // Chromium's sandbox refuses to start as root, which is who runs in containers.
      args: process.getuid?.() === 0 ? ["--no-sandbox"] : [],
    },
  },
  // The journey makes the first account, so it comes first.
  projects: [
    { name: "journey", testMatch: JOURNEY },
    // Each has a Mycorr of its own.
    { name: "way", testMatch: ALONE },
    { name: "people", testMatch: PEOPLE },
    // Whatever is new belongs here by itself.
    { name: "parts", testIgnore: [JOURNEY, ...PEOPLE, ...ALONE], dependencies: ["journey"] },
  ],
});
