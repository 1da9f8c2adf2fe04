import { defineConfig } from "@playwright/test";
import { scene } from "./e2e/scene";

// `cargo test -p tests --test it -- portal` starts the program, prepares the scene and runs this.
export default defineConfig({
  testDir: "e2e",
  outputDir: "e2e/results",
  fullyParallel: true,
  workers: 2,
  retries: 0,
  forbidOnly: true,
  timeout: 90_000,
  expect: { timeout: 15_000 },
  reporter: [["list"]],
  use: {
    baseURL: scene.url,
    locale: "en-US",
    timezoneId: "UTC",
    actionTimeout: 15_000,
    screenshot: "only-on-failure",
    launchOptions: {
      executablePath: process.env.E2E_CHROMIUM ?? "/usr/bin/chromium",
      args: ["--headless", "--no-sandbox", "--disable-gpu", "--disable-background-networking"],
    },
  },
  projects: [
    { name: "pages", testIgnore: "measured/**" },
    // What is measured has the machine to itself.
    { name: "measured", testMatch: "measured/**", workers: 1, dependencies: ["pages"] },
  ],
});
