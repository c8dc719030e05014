import { Api } from "../api.ts";
import { container, containers } from "../engine.ts";
import { expect, signedOut, test } from "../fixtures.ts";
import { act, administrator, entries, fillSetUp, fillSignIn, frame, prefix, verdict } from "../journeys.ts";

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

  test("the first run is a form, which keeps what was typed when it is refused", async ({ page, startPanel }) => {
    const panel = await startPanel();
    await page.goto(await panel.setupLink());
    await fillSetUp(page, { ...administrator, password: "short" });
    await expect(page.getByLabel("Password")).toHaveAttribute("aria-invalid", "true");
    await expect(page.getByLabel("E-mail")).toHaveValue(administrator.email);
    await fillSetUp(page);
    await expect(frame(page)).toBeVisible();
    await expect(page).toHaveURL(`${panel.url}/catalogue`);
    expect(panel.sql("select count(*) from users")).toBe("1");
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

test.describe("an installed tool", () => {
  let tool: string;

  test.beforeEach(async ({ context, panel }, info) => {
    tool = `${prefix}there-${info.project.name}`;
    await (await Api.as(context, panel.url)).install(entries.solo.id, tool);
  });

  test.afterEach(async ({ context, panel }) => (await Api.as(context, panel.url)).remove(tool));

  test("is stopped and restarted after a question, which can be left", async ({ page }) => {
    const state = async () => (await container(tool, "app")).State;
    const { StartedAt } = await state();
    await page.goto(`/tools/${tool}`);
    await page.getByRole("link", { name: "Stop", exact: true }).click();
    await expect(page.getByRole("dialog")).toContainText(`Stop ${tool}?`);
    expect(await state()).toMatchObject({ Status: "running", StartedAt });
    await page.goto(`/tools/${tool}`);
    await act(page, tool, "Restart");
    await expect(verdict(page)).toHaveText(/restarted/, { timeout: 60_000 });
    expect((await state()).StartedAt).not.toBe(StartedAt);
    await page.goto(`/tools/${tool}`);
    await act(page, tool, "Stop");
    await expect(verdict(page)).toHaveText(/stopped/, { timeout: 60_000 });
    expect((await state()).Status).toBe("exited");
  });

  test("has its settings changed", async ({ page }) => {
    await page.goto(`/tools/${tool}/settings`);
    await page.getByLabel("Title of the page").fill("Other <b>notes");
    await page.getByLabel(/^Port for web/).fill("70000");
    await page.getByRole("button", { name: `Change ${tool}` }).click();
    await expect(page.getByLabel(/^Port for web/)).toHaveAttribute("aria-invalid", "true");
    await expect(page.getByLabel("Title of the page")).toHaveValue("Other <b>notes");
    const { HostPort } = (await container(tool, "app")).NetworkSettings.Ports["8080/tcp"]![0]!;
    await page.getByLabel(/^Port for web/).fill(HostPort);
    await page.getByRole("button", { name: `Change ${tool}` }).click();
    await expect(page).toHaveURL(/\/operations\//);
    await expect(verdict(page)).toHaveText(/was changed$/, { timeout: 60_000 });
    await expect.poll(async () => (await containers(tool)).map((each) => each.Config.Env.includes("SITE_TITLE=Other <b>notes")), { timeout: 60_000 }).toEqual([true]);
  });

  test("shows its log and searches it", async ({ page }) => {
    await page.goto(`/tools/${tool}/logs`);
    const lines = page.getByRole("log").locator(".log__line");
    await expect(lines.first()).toContainText("demo 1.0.0 starts");
    await page.getByRole("searchbox").fill("LISTENS");
    await page.getByLabel("Lines").selectOption("100");
    await page.getByRole("button", { name: "Show" }).click();
    await expect(page).toHaveURL(/search=LISTENS/);
    await expect(lines).toHaveCount(1);
    await expect(lines).toContainText("demo 1.0.0 listens on");
    await expect(page.getByLabel("Lines")).toHaveValue("100");
  });

  test("is filtered away from the list, and the filter is cleared", async ({ page }) => {
    await page.goto("/tools?q=wikki");
    await expect(page.getByRole("main")).toContainText("No tool matches “wikki”.");
    await page.getByRole("link", { name: "Clear the search" }).click();
    await expect(page).toHaveURL(/\/tools$/);
    await expect(page.getByRole("main").getByRole("link", { name: tool })).toBeVisible();
  });
});

test("a catalogue filtered to nothing names both filters", async ({ page }) => {
  await page.goto("/catalogue?purpose=Build&q=wikki");
  await expect(page.getByRole("main")).toContainText("Nothing for “Build” matches “wikki”.");
  await page.getByRole("link", { name: "Show everything" }).click();
  await expect(page).toHaveURL(/\/catalogue$/);
  await expect(page.getByRole("link", { name: /Gitea/ })).toBeVisible();
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
