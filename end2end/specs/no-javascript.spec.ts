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
