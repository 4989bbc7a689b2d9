import { defineConfig } from "@playwright/test";

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
    { name: "journey", testMatch: "journey.spec.ts" },
    // Each has a Mycorr of its own.
    { name: "way", testMatch: ["way.spec.ts", "keyboard.spec.ts"] },
    { name: "people", testMatch: ["people.spec.ts", "provider.spec.ts"] },
    {
      name: "parts",
      testMatch: [
        "grid.spec.ts",
        "light.spec.ts",
        "profile.spec.ts",
        "diff.spec.ts",
        "statistics.spec.ts",
        "holds.spec.ts",
        "imports.spec.ts",
        "selection.spec.ts",
        "connections.spec.ts",
        "settings.spec.ts",
        "notices.spec.ts",
        "survives.spec.ts",
      ],
      dependencies: ["journey"],
    },
  ],
});
