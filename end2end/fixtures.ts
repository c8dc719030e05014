import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test as base } from "@playwright/test";
import { removeProjects } from "./engine.ts";
import { fillSetUp, frame, prefix } from "./journeys.ts";
import { Mirror } from "./mirror.ts";
import { Panel } from "./panel.ts";

interface WorkerFixtures {
  /** The panel that the tests of a worker share, set up, with one administrator. */
  panel: Panel;
  /** The file with the administrator's cookies. */
  session: string;
}

interface TestFixtures {
  /** Starts further panels, for tests that need one in a state of its own; they end with the test. */
  startPanel: (settings?: Record<string, string>) => Promise<Panel>;
  /** A way to the registry that the test may close. */
  mirror: Mirror;
}

export const test = base.extend<TestFixtures, WorkerFixtures>({
  panel: [
    async ({}, use) => {
      await removeProjects(prefix);
      const panel = await Panel.start();
      await use(panel);
      await panel.close();
      await removeProjects(prefix);
    },
    { scope: "worker", timeout: 120_000 },
  ],

  session: [
    async ({ panel, browser }, use) => {
      const folder = mkdtempSync(join(tmpdir(), "summoner-session-"));
      const file = join(folder, "cookies.json");
      // Plain forms, so that every other test can be judged even where the browser bundle does not start.
      const page = await browser.newPage({ javaScriptEnabled: false });
      await page.goto(await panel.setupLink());
      await fillSetUp(page);
      await expect(frame(page)).toBeVisible();
      await page.context().storageState({ path: file });
      await page.close();
      await use(file);
      rmSync(folder, { recursive: true });
    },
    { scope: "worker", timeout: 120_000 },
  ],

  baseURL: async ({ panel }, use) => use(panel.url),
  storageState: async ({ session }, use) => use(session),

  startPanel: async ({}, use) => {
    const panels: Panel[] = [];
    await use(async (settings) => {
      const panel = await Panel.start(settings);
      panels.push(panel);
      return panel;
    });
    for (const panel of panels) await panel.close();
  },

  mirror: async ({}, use) => {
    const registry = process.env.TESTBED_PUBLIC;
    if (!registry) throw new Error("TESTBED_PUBLIC is not set: start the tests with end2end/run.");
    const mirror = await Mirror.open(registry);
    await use(mirror);
    await mirror.cut();
  },
});

/** A browser that nobody is signed in with. */
export const signedOut = { cookies: [], origins: [] };

export { expect };
