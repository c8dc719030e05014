import { expect, test } from "../fixtures.ts";
import { open, verdict } from "../journeys.ts";

test("the keys are listed by ? and closed by Escape", async ({ page }) => {
  await open(page, "/");
  await page.keyboard.press("?");
  const list = page.getByRole("dialog", { name: "Keys" });
  await expect(list).toContainText("Search on this page");
  // Under the dialog nothing answers.
  await page.keyboard.press("g");
  await page.keyboard.press("t");
  await expect(page).toHaveURL(/\/$/);
  await page.keyboard.press("Escape");
  await expect(list).toHaveCount(0);
});

test("g and a letter lead to the places", async ({ page }) => {
  await open(page, "/");
  for (const [key, path] of [["t", "/tools"], ["c", "/catalogue"], ["a", "/activity"], ["s", "/settings"], ["d", "/"]] as const) {
    await page.keyboard.press("g");
    await page.keyboard.press(key);
    await expect(page).toHaveURL(new RegExp(`\\d${path}$`));
  }
});

test("/ goes to the search of the page, else to the palette, and letters there are letters", async ({ page }) => {
  await open(page, "/catalogue");
  await page.keyboard.press("/");
  const field = page.getByRole("searchbox", { name: "Search the catalogue" });
  await expect(field).toBeFocused();
  await page.keyboard.type("gt/?j");
  await expect(field).toHaveValue("gt/?j");
  await expect(page).toHaveURL(/\/catalogue\?q=gt/);
  await open(page, "/activity");
  await page.keyboard.press("/");
  await expect(page.getByRole("combobox", { name: "Find or do anything" })).toBeFocused();
});

test("j and k walk the rows of a list, and Enter opens one", async ({ page }) => {
  await open(page, "/catalogue");
  const links = page.getByRole("main").getByRole("listitem").getByRole("link");
  await page.keyboard.press("j");
  await expect(links.nth(0)).toBeFocused();
  await page.keyboard.press("j");
  await expect(links.nth(1)).toBeFocused();
  await page.keyboard.press("j");
  await page.keyboard.press("k");
  await expect(links.nth(1)).toBeFocused();
  const name = await links.nth(1).locator("b").innerText();
  await page.keyboard.press("Enter");
  await expect(verdict(page)).toHaveText(`Install ${name}`);
});

test("the keys can be turned off, and stay so", async ({ page }) => {
  await open(page, "/me");
  await page.getByRole("switch", { name: "Single keys" }).uncheck();
  for (const visit of ["at once", "loaded again"]) {
    await page.locator("body").press("?");
    await page.keyboard.press("g");
    await page.keyboard.press("t");
    await expect(page.getByRole("switch", { name: "Single keys" }), visit).not.toBeChecked();
    await expect(page.getByRole("dialog"), visit).toHaveCount(0);
    await expect(page, visit).toHaveURL(/\/me$/);
    await open(page, "/me");
  }
  await page.getByRole("switch", { name: "Single keys" }).check();
  await page.locator("body").press("?");
  await expect(page.getByRole("dialog", { name: "Keys" })).toBeVisible();
});
