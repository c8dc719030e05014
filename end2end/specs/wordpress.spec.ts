import { container } from "../engine.ts";
import { expect, test } from "../fixtures.ts";
import { entries, firstPassword, install, open, remove } from "../journeys.ts";

test("WordPress is installed with its database, and its administrator signs in", async ({ page }) => {
  const tool = "e2e-blog";
  await install(page, entries.wordpress, { name: tool });
  expect((await container(tool, "app")).State.Health?.Status).toBe("healthy");
  expect((await container(tool, "db")).State.Health?.Status).toBe("healthy");
  const address = (await page.getByRole("link", { name: "Open" }).getAttribute("href"))!;

  const password = await firstPassword(page, tool);
  expect(password).toMatch(/^\S{20}$/);
  // Shown once: a second look finds nothing to show.
  await open(page, `/tools/${tool}/first-login`);
  await expect(page.getByRole("button", { name: /^Show/ })).toHaveCount(0);
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
