import type { Page } from "@playwright/test";
import { expect, signedOut, test } from "../fixtures.ts";
import { hydrated, open } from "../journeys.ts";
import { type Look, plain, schemes, withTool } from "./pages.ts";

/** A narrower screen for each: the smallest phone that counts, and a tablet. */
const narrower = { 390: 360, 1440: 768 } as const;

/** Takes the page in both themes, for people to look at, and fails where it is wider than the screen. */
async function shoot(page: Page, { name, path }: Look): Promise<void> {
  const size = page.viewportSize()!;
  const { width } = size;
  for (const colorScheme of schemes) {
    await page.emulateMedia({ colorScheme, reducedMotion: "reduce" });
    await open(page, path);
    await page.screenshot({ path: `results/screens/${name}-${width}-${colorScheme}.png`, fullPage: true });
  }
  for (const screen of [width, narrower[width as keyof typeof narrower]]) {
    await page.setViewportSize({ ...size, width: screen });
    const sideways = await page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
    expect.soft(sideways, `${name} is wider than ${screen} px by`).toBeLessThanOrEqual(0);
  }
  await page.screenshot({ path: `results/screens/${name}-${narrower[width as keyof typeof narrower]}-dark.png`, fullPage: true });
  await page.setViewportSize(size);
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
