import { Api } from "../api.ts";
import { container } from "../engine.ts";
import { expect, test } from "../fixtures.ts";
import { ended, entries, open, prefix, verdict } from "../journeys.ts";

test("the keyboard alone opens the palette, finds a page and goes there", async ({ page }) => {
  await open(page, "/");
  await page.keyboard.press("Control+k");
  const field = page.getByRole("combobox", { name: "Find or do anything" });
  await expect(field).toBeFocused();
  await page.keyboard.type("activity");
  await expect(page.getByRole("option", { selected: true })).toHaveText("Activity");
  await page.keyboard.press("Enter");
  await expect(page).toHaveURL(/\/activity$/);
  await expect(page.getByRole("dialog")).toHaveCount(0);
  await expect(verdict(page)).toBeFocused();
});

test("arrows walk the rows around, and Escape gives the focus back", async ({ page }) => {
  await open(page, "/tools");
  const opener = page.getByRole("link", { name: /Find or do anything/ });
  await opener.focus();
  await page.keyboard.press("Control+k");
  const chosen = page.getByRole("option", { selected: true });
  await expect(chosen).toHaveText("Dashboard");
  await page.keyboard.press("ArrowDown");
  await expect(chosen).toHaveText("Tools");
  await page.keyboard.press("ArrowUp");
  await page.keyboard.press("ArrowUp");
  await expect(chosen).toHaveText(await page.getByRole("option").last().innerText());
  await expect(chosen).toBeInViewport();
  await page.keyboard.press("Escape");
  await expect(page.getByRole("dialog")).toHaveCount(0);
  await expect(opener).toBeFocused();
});

test("an entry is found by a word of its description and one wrong letter", async ({ page }) => {
  await open(page, "/");
  await page.getByRole("link", { name: /Find or do anything/ }).click();
  await page.getByRole("combobox").fill("worpdress");
  await page.getByRole("option", { name: /Install WordPress/ }).click();
  await expect(verdict(page)).toHaveText("Install WordPress");
  await page.keyboard.press("Control+k");
  await page.getByRole("combobox").fill("zzzz");
  await expect(page.getByRole("listbox")).toContainText("Nothing is called so");
});

test("what people notice is asked about first", async ({ page, context, panel }) => {
  const tool = `${prefix}found`;
  const api = await Api.as(context, panel.url);
  await api.install(entries.solo.id, tool);
  const started = (await container(tool, "app")).State.StartedAt;
  await open(page, "/");
  await page.keyboard.press("Control+k");
  await page.keyboard.type("restart found");
  await expect(page.getByRole("option", { selected: true })).toContainText(`Restart ${tool}`);
  await page.keyboard.press("Enter");
  const question = page.getByRole("dialog");
  await expect(question).toContainText(`Restart ${tool}?`);
  await question.getByRole("button", { name: "Leave it running" }).click();
  await expect(question).toHaveCount(0);
  await expect(page).toHaveURL(new RegExp(`/tools/${tool}$`));
  expect((await container(tool, "app")).State.StartedAt).toBe(started);

  await page.getByRole("link", { name: "Restart", exact: true }).click();
  await question.getByRole("button", { name: `Restart ${tool}` }).click();
  await expect.poll(async () => (await container(tool, "app")).State.StartedAt, { timeout: 60_000 }).not.toBe(started);
  await ended(page, /restarted/);
  await api.remove(tool);
});

test("another page takes the focus and is read out", async ({ page }) => {
  await open(page, "/");
  await page.getByRole("link", { name: "Catalogue" }).first().click();
  await expect(page).toHaveURL(/\/catalogue$/);
  await expect(verdict(page)).toBeFocused();
  await expect(page.getByRole("status").filter({ hasText: "Catalogue" })).toHaveCount(1);
});

test("the theme is chosen in a menu and stays", async ({ page }) => {
  await open(page, "/");
  const choose = async (name: string) => {
    await page.getByRole("button", { name: "Theme" }).click();
    await page.getByRole("button", { name }).click();
  };
  await choose("Dark");
  await expect(page.locator("html")).toHaveAttribute("data-theme", "dark");
  await page.reload();
  await expect(page.locator("html")).toHaveAttribute("data-theme", "dark");
  await expect(page.locator("body[data-hydrated]")).toBeAttached();
  await choose("As the system is");
  await expect(page.locator("html")).not.toHaveAttribute("data-theme", /./);
  await page.reload();
  await expect(page.locator("html")).not.toHaveAttribute("data-theme", /./);
});
