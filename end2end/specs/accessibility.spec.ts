import { AxeBuilder } from "@axe-core/playwright";
import type { Page } from "@playwright/test";
import { expect, signedOut, test } from "../fixtures.ts";
import { open, verdict } from "../journeys.ts";
import { type Look, plain, schemes, withTool } from "./pages.ts";

const rules = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"];

/** Runs axe on one page in both themes; what it finds is told with the elements at fault. */
async function check(page: Page, { name, path }: Look): Promise<void> {
  for (const colorScheme of schemes) {
    await page.emulateMedia({ colorScheme, reducedMotion: "reduce" });
    await open(page, path);
    await expect(verdict(page), `${name} has one h1`).toHaveCount(1);
    const { violations } = await new AxeBuilder({ page }).withTags(rules).analyze();
    const grave = violations.filter((each) => each.impact === "serious" || each.impact === "critical");
    expect
      .soft(grave.map((each) => `${each.id}: ${each.help}: ${each.nodes.map((node) => node.target.join(" ")).join(", ")}`), `${name}, ${colorScheme}`)
      .toEqual([]);
  }
}

for (const look of plain) {
  test(`${look.name} has no grave barrier in either theme`, async ({ page }) => check(page, look));
}

test("the pages of a tool have no grave barrier in either theme", async ({ page }, info) => {
  test.slow();
  await withTool(page, `axe-${info.project.name}`, async (pages) => {
    for (const look of pages) await check(page, look);
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
  test("the door has no grave barrier in either theme", async ({ page }) => check(page, { name: "sign-in", path: "/sign-in" }));
});
