import { container } from "../engine.ts";
import { expect, signedOut, test } from "../fixtures.ts";
import { administrator, entries, fillSignIn, frame, prefix, verdict } from "../journeys.ts";

test.use({ javaScriptEnabled: false });

for (const path of ["/", "/tools", "/catalogue", `/catalogue/${entries.site.id}`, "/activity"]) {
  test(`${path} can be read`, async ({ page }) => {
    const answer = await page.goto(path);
    expect(answer?.status()).toBe(200);
    await expect(verdict(page)).toHaveCount(1);
    await expect(verdict(page)).not.toBeEmpty();
    await expect(page.getByRole("main")).not.toContainText("Loading");
  });
}

test.describe("signed out", () => {
  test.use({ storageState: signedOut });

  test("signing in is a form", async ({ page }) => {
    await page.goto("/sign-in");
    await fillSignIn(page, administrator.email, administrator.password);
    await expect(frame(page)).toBeVisible();
  });
});

test("a tool is installed and removed by plain forms", async ({ page }, info) => {
  const tool = `${prefix}plain-${info.project.name}`;
  await page.goto(`/catalogue/${entries.solo.id}`);
  await page.getByLabel("Name", { exact: true }).fill(tool);
  await page.getByRole("button", { name: `Install ${entries.solo.title}` }).click();
  await expect(page).toHaveURL(/\/operations\//);

  // The page asks for itself again every few seconds, which is what is waited for.
  const source = await (await page.request.get(page.url())).text();
  expect(source).toMatch(/<noscript>.{0,40}<meta[^>]+http-equiv="refresh"/s);
  await expect(verdict(page)).toHaveText(/is ready$/, { timeout: 120_000 });
  expect((await container(tool, "app")).State.Health?.Status).toBe("healthy");

  await page.goto(`/tools/${tool}/remove`);
  await page.getByRole("radio", { name: "Delete its data" }).check();
  await page.getByLabel(`Type ${tool} to confirm`).fill(tool);
  await page.getByRole("button", { name: `Remove ${tool}` }).click();
  await expect(verdict(page)).toHaveText(/removed/, { timeout: 60_000 });
});

test("another line of versions and the plan leave what was typed", async ({ page }) => {
  await page.goto(`/catalogue/${entries.demo.id}`);
  await page.getByLabel("Name", { exact: true }).fill(`${prefix}typed`);
  await page.getByRole("group", { name: "Release line" }).first().getByRole("button", { name: "1", exact: true }).click();
  await expect(page.locator('input[value="1.3.0"]')).toBeAttached();
  await expect(page.getByLabel("Name", { exact: true })).toHaveValue(`${prefix}typed`);
  await page.locator('input[value="1.1.0"]').check();
  await page.getByRole("button", { name: "Show the plan" }).click();
  await expect(page.getByRole("region", { name: "The plan" })).toContainText("demo/web:1.1.0");
  await expect(page.getByLabel("Name", { exact: true })).toHaveValue(`${prefix}typed`);
  await expect(page.locator('input[value="1.1.0"]')).toBeChecked();
});

test("everything can be found on a page of its own", async ({ page }) => {
  await page.goto("/");
  await page.getByRole("link", { name: /Find or do anything/ }).click();
  await expect(page).toHaveURL(/\/search$/);
  await page.getByRole("searchbox").fill("registries");
  await page.keyboard.press("Enter");
  await page.getByRole("main").getByRole("link", { name: "Registries", exact: true }).click();
  await expect(page).toHaveURL(/\/settings\/registries$/);
});

test("the theme is a form that leads back", async ({ page }) => {
  await page.goto("/catalogue?q=demo");
  await page.getByRole("button", { name: "Theme" }).click();
  await page.getByRole("button", { name: "Dark" }).click();
  await expect(page).toHaveURL(/\/catalogue\?q=demo$/);
  await expect(page.locator("html")).toHaveAttribute("data-theme", "dark");
});
