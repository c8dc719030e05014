import type { Page } from "@playwright/test";
import { expect, signedOut, test } from "../fixtures.ts";
import { hydrated, open } from "../journeys.ts";
import { type Look, plain, schemes, withTool } from "./pages.ts";

/** Takes the page in both themes, for people to look at, and fails where it is wider than the screen. */
async function shoot(page: Page, { name, path }: Look): Promise<void> {
  const width = page.viewportSize()!.width;
  for (const colorScheme of schemes) {
    await page.emulateMedia({ colorScheme, reducedMotion: "reduce" });
    await open(page, path);
    await page.screenshot({ path: `results/screens/${name}-${width}-${colorScheme}.png`, fullPage: true });
  }
  const sideways = await page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
  expect.soft(sideways, `${name} is wider than ${width} px by`).toBeLessThanOrEqual(0);
}

for (const look of plain) {
  test(`${look.name} fits the screen`, async ({ page }) => shoot(page, look));
}

test("the pages of a tool fit the screen", async ({ page }, info) => {
  test.slow();
  await withTool(page, `screens-${info.project.name}`, async (pages) => {
    for (const look of pages) await shoot(page, look);
  });
});

test.describe("signed out", () => {
  test.use({ storageState: signedOut });

  test("the door fits the screen", async ({ page }) => shoot(page, { name: "sign-in", path: "/sign-in" }));

  test("the first run fits the screen", async ({ page, startPanel }) => {
    const panel = await startPanel();
    await page.goto(await panel.setupLink());
    await hydrated(page);
    await shoot(page, { name: "setup", path: `${panel.url}/setup` });
  });
});
