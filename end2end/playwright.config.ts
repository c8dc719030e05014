import { existsSync } from "node:fs";
import { defineConfig, type PlaywrightTestConfig } from "@playwright/test";

// The browser comes from the system's packages: no build of it is downloaded.
const browsers = ["/usr/bin/chromium", "/usr/bin/chromium-browser", "/usr/bin/google-chrome"];
const executablePath = process.env.CHROMIUM ?? browsers.find((path) => existsSync(path));
if (!executablePath) throw new Error(`No browser. scripts/setup test installs one; another is named with CHROMIUM.`);

const seen = ["screens.spec.ts", "no-javascript.spec.ts"];

const config: PlaywrightTestConfig = {
  testDir: "specs",
  outputDir: "results/traces",
  // One at a time: the tests share one engine, and several compare all of it before and after.
  workers: 1,
  fullyParallel: false,
  // A build machine shares its cores: one more try there, listed as flaky. By hand the first failure is the answer.
  retries: process.env.CI ? 1 : 0,
  forbidOnly: Boolean(process.env.CI),
  // A generous end for a busy machine. Tests wait for states, so a green run does not take it.
  timeout: 180_000,
  expect: { timeout: 15_000 },
  reporter: [["list"], ["./summary.ts"]],
  use: {
    browserName: "chromium",
    locale: "en-GB",
    timezoneId: "UTC",
    trace: "retain-on-failure",
    // Without one, a control that is not there would cost the whole time of its test.
    actionTimeout: 15_000,
    navigationTimeout: 30_000,
    launchOptions: {
      executablePath,
      // Root has no user namespace to sandbox in.
      args: process.getuid?.() === 0 ? ["--no-sandbox"] : [],
    },
  },
  projects: [
    { name: "desktop", testIgnore: ["api-fuzz.spec.ts", "bench.spec.ts", "pictures.spec.ts"], use: { viewport: { width: 1440, height: 900 } } },
    { name: "phone", testMatch: seen, use: { viewport: { width: 390, height: 844 }, hasTouch: true, isMobile: true } },
    // Only end2end/api-fuzz brings the program that this one runs.
    { name: "api", testMatch: "api-fuzz.spec.ts" },
    // Only for the README.
    { name: "pictures", testMatch: "pictures.spec.ts", use: { viewport: { width: 1440, height: 900 } } },
    // Only `make bench` measures.
    { name: "bench", testMatch: "bench.spec.ts", use: { viewport: { width: 1440, height: 900 } } },
  ],
};

export default defineConfig(config);
