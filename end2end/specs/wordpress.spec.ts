import { container } from "../engine.ts";
import { expect, test } from "../fixtures.ts";
import { askFirstPassword, entries, install, openLink, remove } from "../journeys.ts";

test("WordPress is installed with its database, and its administrator signs in", async ({ page }) => {
  const tool = "e2e-blog";
  await install(page, entries.wordpress, { name: tool });
  expect((await container(tool, "app")).State.Health?.Status).toBe("healthy");
  expect((await container(tool, "db")).State.Health?.Status).toBe("healthy");
  const address = (await openLink(page).getAttribute("href"))!;

  await askFirstPassword(page, tool);
  const account = page.locator(".first-login code");
  await expect(account).toHaveText(["summoner", /^\S{20}$/]);
  const password = (await account.nth(1).textContent())!;
  // Shown once: whoever asks again does not get it.
  await askFirstPassword(page, tool);
  await expect(page.getByRole("main")).toContainText(/already/);
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
