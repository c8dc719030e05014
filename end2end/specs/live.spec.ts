import type { Page } from "@playwright/test";
import { Api } from "../api.ts";
import { container, docker } from "../engine.ts";
import { expect, signedOut, test } from "../fixtures.ts";
import { act, beginInstall, ended, entries, open, remove, setUp, toolRow, verdict } from "../journeys.ts";

const needs = (page: Page) => page.getByRole("region", { name: "Needs you" });
const places = (page: Page) => page.getByRole("navigation", { name: "Main", exact: true });
const strip = (page: Page) => page.locator(".notice");

/** Fails the test where the page was drawn anew since. */
async function staysOpen(page: Page, act: () => Promise<void>): Promise<void> {
  const loads: string[] = [];
  page.on("request", (request) => {
    if (request.isNavigationRequest() && request.frame() === page.mainFrame()) loads.push(request.url());
  });
  await act();
  expect(loads).toEqual([]);
}

test.describe.serial("while the dashboard is open", () => {
  const tool = "e2e-live";

  test("a container that dies changes its sentence, the row, what needs you and the title", async ({ page, context, panel }) => {
    await (await Api.as(context, panel.url)).install(entries.solo.id, tool);
    await open(page, "/");
    await staysOpen(page, async () => {
      await expect(verdict(page)).toHaveText(/fine\.$/);
      await expect(page).toHaveTitle(/^Dashboard/);
      await expect(needs(page)).toHaveCount(0);
      await docker("stop", (await container(tool, "app")).Id);
      await expect(verdict(page)).toHaveText(/^One tool is down\./);
      await expect(page).toHaveTitle(/^\(!\) Dashboard/);
      await expect(toolRow(page, tool)).toContainText(/Failed|Unhealthy/);
      await expect(needs(page).getByRole("link", { name: `Restart ${tool}` })).toBeVisible();
      await expect(places(page).getByLabel("1 need you")).toBeVisible();
      await docker("start", (await container(tool, "app")).Id);
      await expect(verdict(page)).toHaveText(/fine\.$/, { timeout: 60_000 });
      await expect(needs(page)).toHaveCount(0);
    });
  });

  test("what needs you holds still under the pointer", async ({ page }) => {
    await open(page, "/");
    await docker("stop", (await container(tool, "app")).Id);
    const restart = needs(page).getByRole("link", { name: `Restart ${tool}` });
    await restart.hover();
    await docker("start", (await container(tool, "app")).Id);
    await expect(verdict(page)).toHaveText(/fine\.$/, { timeout: 60_000 });
    await expect(restart).toBeVisible();
    await verdict(page).hover();
    await expect(needs(page)).toHaveCount(0);
  });

  test("a tool that is installed elsewhere waits behind a pill", async ({ page, context, panel }) => {
    const other = "e2e-newer";
    await open(page, "/");
    await (await Api.as(context, panel.url)).install(entries.solo.id, other);
    const pill = page.getByRole("link", { name: "1 new, show it" });
    await expect(pill).toBeVisible();
    await expect(toolRow(page, other)).toHaveCount(0);
    await expect(page.getByRole("region", { name: "Latest" })).toContainText(`installed`);
    await pill.click();
    await expect(toolRow(page, other)).toBeVisible();
    await expect(pill).toHaveCount(0);
  });

  test("a tool that is removed elsewhere is shown as removed until the page is left", async ({ page, context, panel }) => {
    const other = "e2e-newer";
    await open(page, "/");
    await expect(verdict(page)).toHaveText("All two tools are fine.");
    await staysOpen(page, async () => {
      await (await Api.as(context, panel.url)).remove(other);
      await expect(toolRow(page, other)).toContainText("Removed");
      await expect(verdict(page)).toHaveText(`${tool} is fine.`);
      await expect(places(page).getByRole("link", { name: /Tools/ })).toContainText("1");
    });
    await open(page, "/");
    await expect(toolRow(page, other)).toHaveCount(0);
  });

  test("a tool page says that its tool was removed, and offers nothing more", async ({ page, context, panel }) => {
    await open(page, `/tools/${tool}`);
    await expect(page.getByRole("link", { name: "Stop", exact: true })).toBeVisible();
    await (await Api.as(context, panel.url)).remove(tool);
    await expect(page.getByRole("main")).toContainText("Removed");
    await expect(page.getByRole("link", { name: "Stop", exact: true })).toHaveCount(0);
  });
});

test.describe.serial("what runs", () => {
  const tool = "e2e-ends";
  /** It takes 8 seconds to be well, so there is time to look. */
  const slow = { tag: "1.1.0", line: "1" };

  test("an operation that ends is read out on its page, and the focus stays", async ({ page }) => {
    await beginInstall(page, entries.solo, { name: tool, version: slow });
    await expect(page).toHaveTitle(/^\d\/\d+ Installing /);
    await verdict(page).focus();
    await staysOpen(page, async () => {
      await ended(page, /is ready$/);
      await expect(verdict(page)).toBeFocused();
      await expect(page.getByRole("status").filter({ hasText: `${tool} is ready` })).toBeAttached();
      await expect(page).toHaveTitle(/^e2e-ends is ready/);
      // The document was loaded before the tool was there.
      await places(page).getByRole("link", { name: "Dashboard" }).click();
      await expect(verdict(page)).toHaveText(`${tool} is fine.`);
      await expect(page.getByRole("region", { name: "Running now" })).toHaveCount(0);
      await expect(page.locator(".running")).toHaveCount(0);
      await expect(places(page).getByRole("link", { name: /Tools/ })).toContainText("1");
    });
  });

  test("an operation stands on the dashboard, in the top bar and on its tool for as long as it runs", async ({ page }) => {
    const now = page.getByRole("region", { name: "Running now" });
    const running = page.locator(".running");
    const stop = page.getByRole("link", { name: "Stop", exact: true });
    await open(page, `/tools/${tool}`);
    await act(page, tool, "Restart");
    await page.waitForURL(/\/operations\//);
    // This document is loaded while it runs, and nothing below loads another.
    await open(page, `/tools/${tool}`);
    await staysOpen(page, async () => {
      await expect(running).toContainText(`Restarting ${tool}`);
      await expect(page.getByRole("region", { name: "Latest" })).toContainText("Restarting");
      await expect(stop).toHaveCount(0);
      await places(page).getByRole("link", { name: "Dashboard" }).click();
      await expect(now).toContainText(`Restarting ${tool}`);
      await expect(now).toHaveCount(0, { timeout: 60_000 });
      await expect(running).toHaveCount(0);
    });
  });

  test("a tool's page gets its actions back when the work on it ends", async ({ page, context, panel }) => {
    const stop = page.getByRole("link", { name: "Stop", exact: true });
    const latest = page.getByRole("region", { name: "Latest" });
    await open(page, `/tools/${tool}`);
    await expect(stop).toBeVisible();
    await staysOpen(page, async () => {
      const restarted = (await Api.as(context, panel.url)).operate(`/tools/${tool}/restart`, {});
      await expect(stop).toHaveCount(0);
      await expect(latest).toContainText("Restarting");
      await restarted;
      await expect(stop).toBeVisible();
      await expect(latest).not.toContainText("Restarting");
    });
    await remove(page, tool, "delete");
  });
});

test("a page that hears nothing any more says from when its values are, until it hears again", async ({ page }) => {
  await page.clock.install();
  await page.route("**/api/v1/live*", (route) => route.abort());
  await open(page, "/");
  await expect(page.getByText("Reconnecting")).toBeVisible();
  await expect(strip(page)).toHaveCount(0);
  await page.clock.fastForward(35_000);
  await expect(strip(page)).toHaveText(/^Not connected since \d\d:\d\d UTC\. Values are from then\.$/);
  await page.setViewportSize({ width: 390, height: 844 });
  await expect(strip(page)).toBeVisible();
  await page.unroute("**/api/v1/live*");
  await page.clock.fastForward(40_000);
  await expect(strip(page)).toHaveCount(0);
});

test("the activity counts what is new, however much came before", async ({ page, context, panel }) => {
  const api = await Api.as(context, panel.url);
  const name = async (site_name: string) => void (await api.ask("PUT", "/panel", { site_name }, 204));
  const { site_name: before } = (await (await api.ask("GET", "/panel")).json()) as { site_name: string };
  await open(page, "/");
  for (let number = 0; number < 55; number += 1) await name(`Site ${number}`);
  await expect(page.getByRole("region", { name: "Latest" })).toContainText("Site 54");
  await places(page).getByRole("link", { name: "Activity" }).click();
  await expect(verdict(page)).toBeFocused();
  await expect(page.getByText("new, show")).toHaveCount(0);
  await name(before);
  await expect(page.getByRole("link", { name: "1 new, show it" })).toBeVisible();
});

test.describe("with a session of its own", () => {
  test.use({ storageState: signedOut });

  test("a page whose session has ended says so and leads back over the door", async ({ page, startPanel }) => {
    const panel = await startPanel();
    await setUp(page, panel);
    await open(page, `${panel.url}/tools?q=wiki`);
    await expect(page.getByText("Connected")).toBeVisible();
    panel.sql("delete from sessions");
    await expect(strip(page)).toContainText("You are signed out", { timeout: 60_000 });
    await strip(page).getByRole("link", { name: "Sign in again" }).click();
    await expect(page).toHaveURL(/\/sign-in\?next=\/tools%3Fq%3Dwiki$/);
  });
});
