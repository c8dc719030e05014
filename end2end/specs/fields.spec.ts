import type { Locator, Page } from "@playwright/test";
import { expect, test } from "../fixtures.ts";
import { entries, open, prefix } from "../journeys.ts";

/** Has the panel refuse the plan and the install for these fields. */
async function refuse(page: Page, fields: string[]): Promise<void> {
  const body = {
    type: "about:blank",
    title: "Some answers are not right",
    status: 422,
    code: "invalid_fields",
    detail: "Correct them and try again.",
    fields: fields.map((field) => ({ field, message: `${field} is wrong.` })),
  };
  await page.route(/\/api\/v1\/(tools|plans)$/, (route) =>
    route.request().method() === "POST" ? route.fulfill({ status: 422, contentType: "application/problem+json", body: JSON.stringify(body) }) : route.continue(),
  );
}

/** Sees that the page's list of what is wrong takes the focus, leads to the field, and the field says the same. */
async function leadsTo(page: Page, field: string, at: Locator): Promise<void> {
  const summary = page.getByRole("alert").first();
  await expect(summary).toBeFocused();
  await summary.getByRole("link", { name: `${field} is wrong.` }).click();
  await expect(at).toBeFocused();
  await expect(at).toHaveAttribute("aria-invalid", "true");
  await expect(at).toHaveAccessibleDescription(new RegExp(`^${field} is wrong\\.`));
}

for (const { entry, title, field, at } of [
  { entry: entries.site.id, title: "Static site", field: "name", at: (page: Page) => page.getByLabel("Name", { exact: true }) },
  { entry: entries.site.id, title: "Static site", field: "reach", at: (page: Page) => page.getByRole("radiogroup", { name: "Who reaches it" }) },
  { entry: entries.site.id, title: "Static site", field: "versions.app", at: (page: Page) => page.getByRole("radiogroup", { name: /^Version of/ }).first() },
  { entry: "gitea", title: "Gitea", field: "answers.REGISTRATION_CLOSED", at: (page: Page) => page.getByLabel("Who may register") },
  { entry: "vaultwarden", title: "Vaultwarden", field: "answers.SIGNUPS_ALLOWED", at: (page: Page) => page.locator("#field-answers-SIGNUPS_ALLOWED") },
]) {
  test(`what is wrong with ${field} is said at the field, and the summary leads there`, async ({ page }) => {
    await refuse(page, [field]);
    await open(page, `/catalogue/${entry}`);
    await page.getByRole("button", { name: `Install ${title}` }).click();
    await leadsTo(page, field, at(page));
  });
}

test("a name that cannot be is refused while it is typed", async ({ page }) => {
  await open(page, `/catalogue/${entries.solo.id}`);
  const name = page.getByLabel("Name", { exact: true });
  await name.fill("Not a name!");
  await expect(name).toHaveAttribute("aria-invalid", "true");
  await expect(name).toHaveAccessibleDescription(/Not a name!/);
  // The person is still typing: nothing takes the focus away.
  await expect(name).toBeFocused();
  await name.fill(`${prefix}a-name`);
  await expect(name).not.toHaveAttribute("aria-invalid", "true");
});
