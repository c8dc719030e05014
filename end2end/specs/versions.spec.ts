import type { Page } from "@playwright/test";
import { expect, signedOut, test } from "../fixtures.ts";
import { entries, fillSetUp, frame, hydrated, open, verdict } from "../journeys.ts";

const line = (page: Page, name: string) => page.getByRole("radiogroup", { name: "Release line" }).getByText(name, { exact: true });
/** The tags that can be chosen, as they stand on the page. */
const offered = async (page: Page) => page.locator('input[type="radio"][name="version"]').evaluateAll((inputs) => inputs.map((input) => (input as HTMLInputElement).value));

test("releases stand in lines, newest first, with the known good one proposed", async ({ page }) => {
  await open(page, `/catalogue/${entries.demo.id}`);
  await line(page, "1").click();
  await expect.poll(() => offered(page)).toEqual(["1.3.0", "1.2.0", "1.1.0", "1.0.0"]);
  await line(page, "2").click();
  await expect.poll(() => offered(page)).toEqual(["2.0.0"]);
});

test("variants are apart", async ({ page }) => {
  await open(page, `/catalogue/${entries.demo.id}`);
  await page.getByRole("radiogroup", { name: "Variant" }).getByText("Alpine", { exact: true }).click();
  await line(page, "1").click();
  await expect.poll(() => offered(page)).toEqual(["1.3.0-alpine", "1.2.0-alpine", "1.1.0-alpine", "1.0.0-alpine"]);
});

test("pre-releases come only when asked for", async ({ page }) => {
  await open(page, `/catalogue/${entries.demo.id}`);
  await line(page, "2").click();
  await expect.poll(() => offered(page)).not.toContain("2.1.0-rc.1");
  await page.getByLabel(/pre-releases/i).check();
  await expect.poll(() => offered(page)).toEqual(["2.1.0-rc.1", "2.0.0"]);
});

test("moving tags are folded away among the other tags", async ({ page }) => {
  await open(page, `/catalogue/${entries.demo.id}`);
  await expect(page.getByText("nightly", { exact: true })).toBeHidden();
  await page.locator("summary", { hasText: /other tags|moving tags/i }).click();
  for (const tag of ["latest", "nightly", "1", "1.0", "2"]) await expect(page.getByText(tag, { exact: true }).last()).toBeVisible();
});

test("a version that has no build for this machine says so", async ({ page }) => {
  await open(page, `/catalogue/${entries.demo.id}`);
  await line(page, "0").click();
  await expect.poll(() => offered(page)).toEqual(["0.9.0"]);
  await page.locator('input[type="radio"][value="0.9.0"]').check();
  await expect(page.getByRole("main")).toContainText("Not for this machine");
});

test.describe("a registry that does not answer", () => {
  test.use({ storageState: signedOut });

  test("leaves the last known list with its age", async ({ page, startPanel, mirror }) => {
    const panel = await startPanel({ SUMMONER_REGISTRY_MIRRORS: `docker.io=${mirror.url}` });
    await page.goto(await panel.setupLink());
    await hydrated(page);
    await fillSetUp(page);
    await expect(frame(page)).toBeVisible();
    const entry = `${panel.url}/catalogue/${entries.demo.id}`;
    await open(page, entry);
    await line(page, "1").click();
    await expect.poll(() => offered(page)).toHaveLength(4);

    await mirror.cut();
    await page.getByRole("button", { name: /ask (the registry )?again/i }).click();
    await expect(page.getByRole("main")).toContainText(/docker\.io (did|does) not answer/i);
    await expect(page.getByRole("main")).toContainText(/from .* ago|last known/i);
    await line(page, "1").click();
    await expect.poll(() => offered(page)).toHaveLength(4);

    await mirror.mend();
    await page.getByRole("button", { name: /ask (the registry )?again/i }).click();
    await expect(page.getByRole("main")).not.toContainText(/docker\.io (did|does) not answer/i);
  });

  test("never empties the page, even where it never answered", async ({ page, startPanel, mirror }) => {
    await mirror.cut();
    const panel = await startPanel({ SUMMONER_REGISTRY_MIRRORS: `docker.io=${mirror.url}` });
    await page.goto(await panel.setupLink());
    await hydrated(page);
    await fillSetUp(page);
    await expect(frame(page)).toBeVisible();
    await open(page, `${panel.url}/catalogue/${entries.demo.id}`);
    await expect(verdict(page)).toHaveText("Install Demo");
    await expect(page.getByRole("main")).toContainText(/docker\.io (did|does) not answer/i);
    await expect(page.getByLabel("Name", { exact: true })).toBeVisible();
  });
});
