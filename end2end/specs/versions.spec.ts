import type { Page } from "@playwright/test";
import { expect, signedOut, test } from "../fixtures.ts";
import { entries, open, segment, setUp, verdict, versions } from "../journeys.ts";

/** The tags that can be chosen, from top to bottom. */
const offered = async (page: Page) => versions(page, "demo/web").evaluateAll((inputs) => inputs.map((input) => (input as HTMLInputElement).value));

test("releases stand in lines, newest first", async ({ page }) => {
  await open(page, `/catalogue/${entries.demo.id}`);
  await segment(page, "Release line", "1").click();
  await expect.poll(() => offered(page)).toEqual(["1.3.0", "1.2.0", "1.1.0", "1.0.0"]);
  await segment(page, "Release line", "2").click();
  await expect.poll(() => offered(page)).toEqual(["2.0.0"]);
  await expect(page).toHaveURL(/line(\.|%2E)app=2/);
});

test("the newest release is proposed, and its line is open", async ({ page }) => {
  await open(page, `/catalogue/${entries.demo.id}`);
  await expect(page.getByRole("group", { name: "Release line" }).first().getByRole("button")).toHaveText(["2", "1", "0"]);
  await expect(page.locator("label", { has: page.locator('input[value="2.0.0"]') })).toContainText("Proposed");
  await expect(page.locator('input[value="2.0.0"]')).toBeChecked();
  await expect(page.locator("label", { has: page.locator('input[value="2.0.0"]') }).locator("code")).toHaveAttribute("title", /^sha256:[0-9a-f]{64}$/);
});

test("variants are apart", async ({ page }) => {
  await open(page, `/catalogue/${entries.demo.id}`);
  await segment(page, "Release line", "1").click();
  await segment(page, "Variant", "Alpine").click();
  await expect.poll(() => offered(page)).toEqual(["1.3.0-alpine", "1.2.0-alpine", "1.1.0-alpine", "1.0.0-alpine"]);
});

test("pre-releases come only when asked for", async ({ page }) => {
  await open(page, `/catalogue/${entries.demo.id}`);
  await segment(page, "Release line", "2").click();
  await expect.poll(() => offered(page)).toEqual(["2.0.0"]);
  await page.getByRole("button", { name: "Show 1 pre-release" }).click();
  await expect.poll(() => offered(page)).toEqual(["2.1.0-rc.1", "2.0.0"]);
});

test("moving tags are folded away among the other tags, and are no choice where upgrades have rules", async ({ page }) => {
  await open(page, `/catalogue/${entries.demo.id}`);
  const others = page.locator("details", { hasText: "other tags" }).first();
  const other = (tag: string) => others.getByText(tag, { exact: true });
  await expect(other("nightly")).toBeHidden();
  await page.locator("summary", { hasText: "other tags" }).first().click();
  for (const tag of ["latest", "nightly", "1", "1.0", "2"]) await expect(other(tag), tag).toBeVisible();
  await expect(others.getByRole("radio")).toHaveCount(0);
});

test("a tool without such rules runs any tag", async ({ page }) => {
  await open(page, "/catalogue/static-site");
  await page.locator("summary", { hasText: "other tags" }).first().click();
  await expect(page.locator("details").getByRole("radio", { name: "mainline", exact: true })).toBeVisible();
});

test("a version without a build for this machine says so", async ({ page }) => {
  await open(page, `/catalogue/${entries.demo.id}`);
  await segment(page, "Release line", "0").click();
  await expect.poll(() => offered(page)).toEqual(["0.9.0"]);
  await expect(page.locator("label", { has: page.locator('input[value="0.9.0"]') })).toContainText("Not for this machine");
});

test("other tags are searched for without JavaScript", async ({ browser, page }) => {
  const context = await browser.newContext({ javaScriptEnabled: false, storageState: await page.context().storageState() });
  const plain = await context.newPage();
  await plain.goto(`/catalogue/${entries.demo.id}`);
  await plain.locator("summary", { hasText: "other tags" }).first().click();
  await plain.getByLabel("Search other tags").first().fill("Night");
  await plain.getByRole("button", { name: "Search" }).first().click();
  await expect(plain).toHaveURL(/search\.app=Night/);
  await expect(plain.locator("details .versions").first().locator(".version__tag")).toHaveText(["nightly", "nightly-alpine"]);
  await context.close();
});

test.describe("a registry that does not answer", () => {
  test.use({ storageState: signedOut });

  test("leaves the last known list with its age", async ({ page, startPanel, mirror }) => {
    const panel = await startPanel({ SUMMONER_REGISTRY_MIRRORS: `docker.io=${mirror.url}` });
    await setUp(page, panel);
    const lineOne = `${panel.url}/catalogue/${entries.demo.id}?line.app=1`;
    await open(page, lineOne);
    await expect.poll(() => offered(page)).toHaveLength(4);

    await mirror.cut();
    panel.sql("update registry_cache set answered_at = answered_at - interval '2 hours'");
    // The known list comes at once; that it is the last one is known when the registry was asked in vain.
    await expect(async () => {
      await open(page, lineOne);
      await expect(page.getByRole("main")).toContainText("The registry could not be asked just now", { timeout: 1_000 });
    }).toPass();
    await expect(page.getByRole("main")).toContainText(/Read from docker\.io\/demo\/web 2 h ago|2 hours ago/);
    await expect.poll(() => offered(page)).toEqual(["1.3.0", "1.2.0", "1.1.0", "1.0.0"]);
  });

  test("never empties the page, even where it never answered", async ({ page, startPanel, mirror }) => {
    await mirror.cut();
    const panel = await startPanel({ SUMMONER_REGISTRY_MIRRORS: `docker.io=${mirror.url}` });
    await setUp(page, panel);
    await open(page, `${panel.url}/catalogue/${entries.demo.id}`);
    await expect(verdict(page)).toHaveText("Install Demo");
    await expect(page.getByRole("main")).toContainText("The registry could not be asked just now");
    // What the entry was tested with is all that is known.
    await expect.poll(() => offered(page)).toEqual(["1.0.0"]);
    await expect(page.getByLabel("Name", { exact: true })).toBeVisible();
  });
});
