import type { Page } from "@playwright/test";
import { Api } from "../api.ts";
import { containers } from "../engine.ts";
import { expect, signedOut, test } from "../fixtures.ts";
import { administrator, ended, entries, fillSignIn, frame, hydrated, open, setUp, verdict } from "../journeys.ts";

// Each on a panel of its own: what is set here would show on the pages of other tests.
test.use({ storageState: signedOut });

const [user, password] = (process.env.TESTBED_PRIVATE_LOGIN ?? "").split(":") as [string, string];
const registry = process.env.TESTBED_PRIVATE ?? "";

async function keepLogin(page: Page, secret: string): Promise<void> {
  await page.getByLabel("Registry", { exact: true }).fill(registry);
  await page.getByLabel("User").fill(user);
  await page.getByLabel("Password or access token").fill(secret);
  await page.getByRole("button", { name: "Save the login" }).click();
  await expect(page.getByText("The login is saved, sealed.").first()).toBeVisible();
}

test("a login opens a private registry: its tags are listed and its image is installed", async ({ page, startPanel }) => {
  const tool = "e2e-private";
  const panel = await startPanel();
  await setUp(page, panel);
  await open(page, `${panel.url}/catalogue/${entries.intranet.id}`);
  await expect(page.getByRole("main")).toContainText(`${registry} asked for credentials; add them under Settings → Registries`);

  await page.getByRole("link", { name: "Settings" }).first().click();
  await page.getByRole("link", { name: "Registries", exact: true }).click();
  await expect(verdict(page)).toHaveText("No registry has a login.");
  await hydrated(page);
  await keepLogin(page, "not the password");
  await page.getByRole("button", { name: "Try it" }).click();
  await expect(page.getByRole("main")).toContainText(`${registry} refused the credentials stored for it`);

  await keepLogin(page, password);
  await expect(verdict(page)).toHaveText("One registry has a login.");
  expect(await page.content()).not.toContain(password);
  await page.getByRole("button", { name: "Try it" }).click();
  await expect(page.getByText("The registry takes the login.").first()).toBeVisible();

  await open(page, `${panel.url}/catalogue/${entries.intranet.id}`);
  await expect(page.getByRole("main")).not.toContainText("could not be asked");
  await expect(page.getByRole("main")).toContainText("Read from registry.acme.test/acme/intranet");
  await page.getByLabel("Name", { exact: true }).fill(tool);
  await page.getByRole("button", { name: "Install Intranet" }).click();
  await page.waitForURL(/\/operations\//);
  await ended(page, /is ready$/);
  expect((await containers(tool)).map((each) => each.State.Health?.Status)).toEqual(["healthy"]);
  await (await Api.as(page.context(), panel.url)).remove(tool);

  // Removing asks first, and Escape keeps it.
  await open(page, `${panel.url}/settings/registries`);
  const away = page.getByRole("link", { name: "Remove it" });
  await away.click();
  await expect(page.getByRole("dialog")).toContainText(`Remove the login at ${registry}?`);
  await page.keyboard.press("Escape");
  await expect(page.getByRole("dialog")).toHaveCount(0);
  await expect(page).toHaveURL(`${panel.url}/settings/registries`);
  await away.click();
  await page.getByRole("dialog").getByRole("button", { name: "Remove the login" }).click();
  await expect(verdict(page)).toHaveText("No registry has a login.");
  await open(page, `${panel.url}/activity`);
  await expect(page.getByRole("main")).toContainText(`removed the login at ${registry}`);
});

test("a login that cannot be kept says why at its field", async ({ page, startPanel }) => {
  const panel = await startPanel();
  await setUp(page, panel);
  await open(page, `${panel.url}/settings/registries`);
  for (const [field, values] of Object.entries({
    Registry: ["https://ghcr.io/path", "ada", "secret"],
    User: ["ghcr.io", "ada:lovelace", "secret"],
    "Password or access token": ["ghcr.io", "ada", ""],
  })) {
    await page.getByLabel("Registry", { exact: true }).fill(values[0]!);
    await page.getByLabel("User").fill(values[1]!);
    await page.getByLabel("Password or access token").fill(values[2]!);
    await page.getByRole("button", { name: "Save the login" }).click();
    await expect(page.getByLabel(field, { exact: true }), field).toHaveAttribute("aria-invalid", "true");
    await expect(page.getByLabel("Registry", { exact: true }), field).toHaveValue(values[0]!);
  }
  await expect(verdict(page)).toHaveText("No registry has a login.");
});

test("the panel is given another name, and says what it is made of", async ({ page, startPanel }) => {
  const panel = await startPanel();
  await setUp(page, panel);
  await open(page, `${panel.url}/settings`);
  await expect(page.getByRole("main")).toContainText(/PostgreSQL \d+\.\d+/);
  await expect(page.getByRole("main")).toContainText(/Docker \d+\.\d+/);
  await page.getByLabel("Site name").fill("");
  await page.getByRole("button", { name: "Save the name" }).click();
  await expect(page.getByLabel("Site name")).toHaveAttribute("aria-invalid", "true");
  await page.getByLabel("Site name").fill("Werkstatt <b>");
  await page.getByRole("button", { name: "Save the name" }).click();
  await expect(verdict(page)).toContainText("called Werkstatt <b>.");
  await open(page, `${panel.url}/`);
  await expect(page.getByText("Werkstatt <b>").first()).toBeVisible();
});

test("a new password ends the other sessions, and the old one opens nothing", async ({ browser, page, startPanel }) => {
  const panel = await startPanel();
  await setUp(page, panel);
  const elsewhere = await (await browser.newContext({ storageState: signedOut })).newPage();
  await open(elsewhere, `${panel.url}/sign-in`);
  await fillSignIn(elsewhere, administrator.email, administrator.password);
  await expect(frame(elsewhere)).toBeVisible();

  const next = "a battery of correct horses";
  const change = async (old: string, fresh: string) => {
    await page.getByLabel("Password until now").fill(old);
    await page.getByLabel("New password").fill(fresh);
    await page.getByRole("button", { name: "Change the password" }).click();
  };
  await open(page, `${panel.url}/me`);
  await expect(verdict(page)).toHaveText("You are signed in at two places.");
  await change("not it", next);
  await expect(page.getByLabel("Password until now")).toHaveAttribute("aria-invalid", "true");
  await change(administrator.password, "short");
  await expect(page.getByLabel("New password")).toHaveAttribute("aria-invalid", "true");
  await change(administrator.password, next);
  await expect(verdict(page)).toHaveText("You are signed in here and nowhere else.");

  await elsewhere.goto(`${panel.url}/me`);
  await expect(elsewhere).toHaveURL(/\/sign-in/);
  await hydrated(elsewhere);
  await fillSignIn(elsewhere, administrator.email, administrator.password);
  await expect(elsewhere.getByRole("main")).toContainText(/do not match|not right|wrong/i);
  await fillSignIn(elsewhere, administrator.email, next);
  await expect(frame(elsewhere)).toBeVisible();
  await elsewhere.context().close();
});
