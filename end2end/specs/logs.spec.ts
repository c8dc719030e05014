import type { Locator, Page } from "@playwright/test";
import { Api } from "../api.ts";
import { container, docker } from "../engine.ts";
import { expect, test } from "../fixtures.ts";
import { entries, open, prefix } from "../journeys.ts";

const tool = `${prefix}talkative`;

/** Has the tool write to its log: `text` as the shell's printf takes it, in each of so many lines. */
async function write(text: string, times = 1): Promise<void> {
  const { Id } = await container(tool, "app");
  await docker("exec", Id, "sh", "-c", `i=0; while [ $i -lt ${times} ]; do i=$((i+1)); printf '${text}\\n' $i; done >/proc/1/fd/1`);
}

const log = (page: Page): Locator => page.getByRole("log");
const lines = (page: Page): Locator => log(page).locator(".log__line");
const fromEnd = (page: Page): Promise<number> => log(page).evaluate((view) => view.scrollHeight - view.clientHeight - view.scrollTop);

test.describe.serial("a tool that writes much", () => {
  test.beforeAll(async ({ browser, panel, session }) => {
    const context = await browser.newContext({ storageState: session });
    await (await Api.as(context, panel.url)).install(entries.site.id, tool);
    await context.close();
  });

  test("is searched whole, not only in its newest lines", async ({ page }) => {
    await write("the needle of line %s");
    await write("hay %s", 700);
    await open(page, `/tools/${tool}/logs?search=NEEDLE`);
    await expect(lines(page)).toHaveCount(1);
    await expect(lines(page)).toContainText("the needle of line 1");
    await open(page, `/tools/${tool}/logs?search=thread`);
    await expect(page.getByText("No line holds “thread”.")).toBeVisible();
  });

  test("has its colours, and nothing else that a terminal would obey", async ({ page }) => {
    await open(page, `/tools/${tool}/logs`);
    await write("\\033[32mfine\\033[0m <img src=x onerror=alert(1)> \\033]8;;https://evil.example\\033\\\\link\\033]8;;\\033\\\\ %s");
    for (const visit of ["live", "loaded"]) {
      await expect(lines(page).last(), visit).toContainText("fine <img src=x onerror=alert(1)> link 1");
      await expect(lines(page).last().locator(".is-ok"), visit).toHaveText("fine");
      expect(await log(page).evaluate((view) => /[\u0000-\u0008\u000b-\u001f\u007f-\u009f]/.test(view.textContent!)), visit).toBe(false);
      await expect(log(page).locator("img"), visit).toHaveCount(0);
      await page.reload();
    }
  });

  test("holds still for whoever scrolled up, and End takes it up again", async ({ page }) => {
    await open(page, `/tools/${tool}/logs`);
    await expect.poll(() => fromEnd(page)).toBeLessThan(4);
    await write("followed %s", 3);
    await expect(lines(page).last()).toContainText("followed 3");
    await expect.poll(() => fromEnd(page)).toBeLessThan(4);

    await log(page).hover();
    await page.mouse.wheel(0, -600);
    await expect(page.getByRole("switch", { name: "Follow" })).not.toBeChecked();
    const before = await lines(page).count();
    await write("unseen %s", 7);
    await expect(page.getByRole("button", { name: "7 new lines" })).toBeVisible();
    expect(await lines(page).count()).toBe(before);
    await log(page).focus();
    await page.keyboard.press("End");
    await expect(lines(page).last()).toContainText("unseen 7");
    await expect(page.getByRole("switch", { name: "Follow" })).toBeChecked();
    await expect(page.getByRole("button", { name: /new lines/ })).toHaveCount(0);

    await page.getByRole("switch", { name: "Follow" }).uncheck();
    await write("waiting %s");
    await page.getByRole("button", { name: "1 new line" }).click();
    await expect(lines(page).last()).toContainText("waiting 1");
    await expect.poll(() => fromEnd(page)).toBeLessThan(4);
  });

  test("breaks long lines unless it is told not to", async ({ page }) => {
    await write(`long ${"x".repeat(2000)} %s`);
    await open(page, `/tools/${tool}/logs`);
    const sideways = () => log(page).evaluate((view) => view.scrollWidth - view.clientWidth);
    expect(await sideways()).toBe(0);
    await page.getByRole("switch", { name: "Wrap" }).uncheck();
    await expect.poll(sideways).toBeGreaterThan(1000);
  });

  test("says that following stopped, and goes on when it can", async ({ page }) => {
    let isRefused = true;
    await page.route("**/logs/live*", (route) => (isRefused ? route.fulfill({ status: 503, contentType: "application/problem+json", body: "{}" }) : route.continue()));
    await open(page, `/tools/${tool}/logs`);
    const stopped = page.getByText(/^Following stopped\. It is tried again in \d+ s\.$/);
    await expect(stopped).toBeVisible();
    await write("written meanwhile %s");
    isRefused = false;
    await expect(lines(page).last()).toContainText("written meanwhile 1", { timeout: 30_000 });
    await expect(stopped).toHaveCount(0);
  });

  test("is taken away", async ({ page, panel }) => {
    await (await Api.as(page.context(), panel.url)).remove(tool);
  });
});
