import { AxeBuilder } from "@axe-core/playwright";
import type { Page } from "@playwright/test";
import { expect, signedOut, test } from "../fixtures.ts";
import { hydrated, open, verdict } from "../journeys.ts";
import { type Look, plain, schemes, withTool } from "./pages.ts";

/** A narrower screen for each: the smallest phone that counts, and a tablet. */
const narrower: Record<number, number> = { 390: 360, 1440: 768 };
const rules = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"];

/** Fails where the page is wider than the screen. */
async function fits(page: Page, name: string): Promise<void> {
  const sideways = await page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
  expect.soft(sideways, `${name} is wider than ${page.viewportSize()!.width} px by`).toBeLessThanOrEqual(0);
}

/** Fails for what axe finds grave, with the elements at fault. */
async function isOpenToAll(page: Page, name: string): Promise<void> {
  await expect(verdict(page), `${name} has one h1`).toHaveCount(1);
  const { violations } = await new AxeBuilder({ page }).withTags(rules).analyze();
  const grave = violations.filter((each) => each.impact === "serious" || each.impact === "critical");
  expect
    .soft(grave.map((each) => `${each.id}: ${each.help}: ${each.nodes.map((node) => node.target.join(" ")).join(", ")}`), name)
    .toEqual([]);
}

/** Looks at a page in both themes and two widths, and leaves pictures of it for people to look at. */
async function look(page: Page, { name, path }: Look): Promise<void> {
  const size = page.viewportSize()!;
  const picture = (width: number, colorScheme: string) => ({ path: `results/screens/${name}-${width}-${colorScheme}.png`, fullPage: true });
  for (const colorScheme of schemes) {
    await page.emulateMedia({ colorScheme, reducedMotion: "reduce" });
    await open(page, path);
    await page.screenshot(picture(size.width, colorScheme));
    await fits(page, name);
    await isOpenToAll(page, `${name}, ${colorScheme}`);
  }
  const width = narrower[size.width]!;
  await page.setViewportSize({ ...size, width });
  await page.screenshot(picture(width, schemes[1]));
  await fits(page, name);
  await page.setViewportSize(size);
}

for (const each of plain) {
  test(`${each.name} fits every screen and is open to all`, async ({ page }) => look(page, each));
}

test("so do the pages of a tool", async ({ page }, info) => {
  test.slow();
  await withTool(page, `screens-${info.project.name}`, async (pages) => {
    for (const each of pages) await look(page, each);
  });
});

test("the first Tab stop leads to the content", async ({ page }) => {
  await open(page, "/");
  await page.keyboard.press("Tab");
  const first = page.locator(":focus");
  await expect(first).toHaveText(/skip to content/i);
  await expect(first).toBeInViewport();
  await page.keyboard.press("Enter");
  await expect(page).toHaveURL(/#/);
});

test.describe("signed out", () => {
  test.use({ storageState: signedOut });

  test("so does the door", async ({ page }) => look(page, { name: "sign-in", path: "/sign-in" }));

  test("so does the first run", async ({ page, startPanel }) => {
    const panel = await startPanel();
    await page.goto(await panel.setupLink());
    await hydrated(page);
    await look(page, { name: "setup", path: `${panel.url}/setup` });
  });
});
