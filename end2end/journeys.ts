import { expect, type Locator, type Page } from "@playwright/test";
import type { Panel } from "./panel.ts";

/** What people do, in their words. Specs say what must be true; how a page is worked stands here once. */

export const administrator = {
  site: "Atelier",
  name: "Ada Admin",
  email: "ada@example.test",
  password: "correct horse battery staple",
};

/** Every tool a test makes is called so: what a killed run leaves can be found and taken away. */
export const prefix = "e2e-";

/** Waits until the page answers to the hand, not only to the eye. */
export async function hydrated(page: Page): Promise<void> {
  await expect(page.locator("body[data-hydrated]")).toBeAttached();
}

/** Opens an address of the panel and waits until it can be worked. */
export async function open(page: Page, path: string): Promise<void> {
  await page.goto(path);
  await hydrated(page);
}

export async function fillSetUp(page: Page, person = administrator): Promise<void> {
  await page.getByLabel("Site name").fill(person.site);
  await page.getByLabel("Your name").fill(person.name);
  await page.getByLabel("E-mail").fill(person.email);
  await page.getByLabel("Password").fill(person.password);
  await page.getByRole("button", { name: "Create and go on" }).click();
}

/** Sets up a panel of the test's own, as its first administrator. */
export async function setUp(page: Page, panel: Panel): Promise<void> {
  await page.goto(await panel.setupLink());
  await hydrated(page);
  await fillSetUp(page);
  await expect(frame(page)).toBeVisible();
}

export async function fillSignIn(page: Page, email: string, password: string): Promise<void> {
  await page.getByLabel("E-mail").fill(email);
  await page.getByLabel("Password").fill(password);
  await page.getByRole("button", { name: "Sign in" }).click();
}

/** The frame that only signed-in people see. */
export const frame = (page: Page): Locator => page.getByRole("navigation").first();

export const verdict = (page: Page): Locator => page.getByRole("heading", { level: 1 });

/** A tool in a list of tools. */
export const toolRow = (page: Page, tool: string): Locator => page.locator(".tool-table tbody tr").filter({ has: page.getByRole("link", { name: tool, exact: true }) });

/** A service on the page of its tool. */
export const serviceRow = (page: Page, service: string): Locator => page.locator(".services tbody tr").filter({ has: page.getByText(service, { exact: true }) });

/** Leads into the installed tool itself. */
export const openLink = (page: Page): Locator => page.getByRole("link", { name: "Open", exact: true });

/** The port of the first way into a tool, on an entry's page. */
export const portField = (page: Page): Locator => page.getByLabel(/^Port for /).first();

/** A segment of the version picker, such as line `1` or variant `Alpine`. */
export const segment = (page: Page, group: "Release line" | "Variant", name: string): Locator =>
  page.getByRole("group", { name: group }).first().getByRole("button", { name, exact: true });

/** The versions on offer for an image, as radios. */
export const versions = (page: Page, repository: string): Locator =>
  page.getByRole("radiogroup", { name: `Version of ${repository}` }).getByRole("radio");

/** Chooses a version on an entry's page; its release line first, because the page shows one line at a time. */
export async function chooseVersion(page: Page, tag: string, line: string): Promise<void> {
  const version = page.locator(`input[type="radio"][value="${tag}"]`);
  if ((await version.count()) === 0) await segment(page, "Release line", line).click();
  await version.check();
}

/** Fills the form of an entry's page (of the panel `at`, or of the shared one) and starts it; ends on the operation's page. */
export async function beginInstall(
  page: Page,
  entry: { id: string; title: string },
  answers: { name: string; version?: { tag: string; line: string }; port?: number; at?: string },
): Promise<void> {
  await open(page, `${answers.at ?? ""}/catalogue/${entry.id}`);
  await expect(verdict(page)).toHaveText(`Install ${entry.title}`);
  if (answers.version) await chooseVersion(page, answers.version.tag, answers.version.line);
  await page.getByLabel("Name", { exact: true }).fill(answers.name);
  if (answers.port) await portField(page).fill(String(answers.port));
  await page.getByRole("button", { name: `Install ${entry.title}` }).click();
  await page.waitForURL(/\/operations\//);
}

/** The steps of the operation on the page. */
export const steps = (page: Page, state?: string): Locator => page.locator(state ? `ol.steps > li[data-state="${state}"]` : "ol.steps > li");

/** Waits for the end of the operation that the page shows, good or bad; an install may take what its health check takes. */
export async function ended(page: Page, sentence: RegExp): Promise<void> {
  await expect(verdict(page)).toHaveText(sentence, { timeout: 150_000 });
}

/** Installs a tool and waits until it is ready. */
export async function install(page: Page, entry: { id: string; title: string }, answers: Parameters<typeof beginInstall>[2]): Promise<void> {
  await beginInstall(page, entry, answers);
  await ended(page, /is ready$/);
}

/** Asks for something that people notice, from the head of a tool's page, and says yes to the question. */
export async function act(page: Page, tool: string, verb: "Stop" | "Restart"): Promise<void> {
  await page.getByRole("link", { name: verb, exact: true }).click();
  await page.getByRole("dialog").getByRole("button", { name: `${verb} ${tool}` }).click();
}

/** Asks for the first password of a tool; it is shown once. */
export async function askFirstPassword(page: Page, tool: string): Promise<void> {
  await open(page, `/tools/${tool}/first-login`);
  await page.getByRole("button", { name: "Show the first password" }).click();
}

/** Takes a tool away over its danger page. */
export async function remove(page: Page, tool: string, data: "keep" | "delete"): Promise<void> {
  await open(page, `/tools/${tool}/remove`);
  await page.getByRole("radio", { name: data === "keep" ? "Keep its data" : "Delete its data" }).check();
  if (data === "delete") await page.getByLabel(`Type ${tool} to confirm`).fill(tool);
  await page.getByRole("button", { name: `Remove ${tool}` }).click();
  await page.waitForURL(/\/operations\//);
  await ended(page, /removed/);
}

export const entries = {
  site: { id: "static-site", title: "Static site" },
  wordpress: { id: "wordpress", title: "WordPress" },
  /** Our tool with its database. */
  demo: { id: "demo", title: "Demo" },
  /** Our tool alone. */
  solo: { id: "demo-solo", title: "Demo solo" },
  /** Our tool, from the registry that asks for a password. */
  intranet: { id: "intranet", title: "Intranet" },
};
