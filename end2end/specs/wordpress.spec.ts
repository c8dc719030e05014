import { container } from "../engine.ts";
import { expect, test } from "../fixtures.ts";
import { entries, install, remove } from "../journeys.ts";

test("WordPress is installed with its database, and its administrator signs in", async ({ page }) => {
  const tool = "e2e-blog";
  await install(page, entries.wordpress, { name: tool });
  expect((await container(tool, "app")).State.Health?.Status).toBe("healthy");
  expect((await container(tool, "db")).State.Health?.Status).toBe("healthy");
  const address = (await page.getByRole("link", { name: "Open" }).getAttribute("href"))!;

  await page.getByRole("button", { name: /show .*password/i }).click();
  const shown = page.locator("[data-secret]");
  await expect(shown).toHaveText(/^\S{20}$/);
  const password = (await shown.textContent())!;
  // Shown once: a second look finds nothing to show.
  await page.reload();
  await expect(page.getByRole("button", { name: /show .*password/i })).toHaveCount(0);
  await expect(page.getByText(password)).toHaveCount(0);

  const site = await page.context().newPage();
  await site.goto(new URL("/wp-login.php", address).href);
  await site.getByLabel("Username or Email Address").fill("summoner");
  await site.getByLabel("Password", { exact: true }).fill(password);
  await site.getByRole("button", { name: "Log In" }).click();
  await expect(site.getByRole("heading", { name: "Dashboard" })).toBeVisible();
  await site.goto(address);
  await expect(site).toHaveTitle(/Our site/);
  await site.close();

  await remove(page, tool, "delete");
});
