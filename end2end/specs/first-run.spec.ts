import { expect, signedOut, test } from "../fixtures.ts";
import { administrator, fillSetUp, fillSignIn, frame, hydrated, open, setUp, verdict } from "../journeys.ts";

test.use({ storageState: signedOut });

test("the link of the first run makes the first administrator and signs them in", async ({ page, startPanel }) => {
  const panel = await startPanel();
  await page.goto(await panel.setupLink());
  // The token is swapped for a cookie at once: neither history nor a log keeps it.
  await expect(page).toHaveURL(`${panel.url}/setup`);
  await hydrated(page);
  await fillSetUp(page);
  await expect(page).toHaveURL(/\/(catalogue)?$/);
  await expect(frame(page)).toBeVisible();
  await expect(page.getByText(administrator.name).first()).toBeVisible();
});

test("opening the link without finishing does not use it up", async ({ browser, startPanel }) => {
  const panel = await startPanel();
  const link = await panel.setupLink();
  for (const visit of ["a preview", "a person"]) {
    const context = await browser.newContext({ storageState: signedOut });
    const page = await context.newPage();
    await page.goto(link);
    await expect(page.getByLabel("Site name"), visit).toBeVisible();
    await context.close();
  }
});

test("a used link says so and opens nothing", async ({ browser, page, startPanel }) => {
  const panel = await startPanel();
  const link = await panel.setupLink();
  await page.goto(link);
  await hydrated(page);
  await fillSetUp(page);
  await expect(frame(page)).toBeVisible();

  const stranger = await browser.newContext({ storageState: signedOut });
  const other = await stranger.newPage();
  const answer = await other.goto(link);
  expect(answer?.status()).toBeLessThan(500);
  await expect(other.getByRole("main")).toContainText(/used|already/i);
  await expect(other.getByLabel("Site name")).toHaveCount(0);
  await stranger.close();
});

test("a link that does not hold says why, and how to get one that does", async ({ page, startPanel }) => {
  const panel = await startPanel();
  const link = await panel.setupLink();
  const reasons = [
    ["too old", link, "update setup_links set created_at = created_at - interval '2 hours', expires_at = expires_at - interval '2 hours'"],
    ["newer set-up link", link, "update setup_links set replaced_at = now()"],
    ["not known", `${panel.url}/setup/nonsense`, "select 1"],
  ] as const;
  for (const [reason, address, statement] of reasons) {
    panel.sql(statement);
    await page.goto(address);
    await hydrated(page);
    await expect(verdict(page), reason).toContainText(reason);
    await expect(page.getByRole("main")).toContainText("summoner setup-link");
    await expect(page.getByLabel("Site name")).toHaveCount(0);
  }
});

test("nothing else answers before there is an administrator", async ({ page, startPanel }) => {
  const panel = await startPanel();
  for (const path of ["/", "/tools", "/catalogue", "/activity"]) {
    await page.goto(panel.url + path);
    await expect(frame(page), path).toHaveCount(0);
    await expect(page.getByRole("main"), path).toContainText(/no administrator|set-up link/i);
  }
  for (const path of ["tools", "operations", "catalog", "session"]) {
    const answer = await page.request.get(`${panel.url}/api/v1/${path}`);
    expect([401, 403], `/api/v1/${path} answered ${answer.status()}`).toContain(answer.status());
  }
});

test("a set-up form that is not right says why and keeps what was typed", async ({ page, startPanel }) => {
  const panel = await startPanel();
  await page.goto(await panel.setupLink());
  await hydrated(page);
  await fillSetUp(page, { ...administrator, password: "short" });
  const password = page.getByLabel("Password");
  await expect(password).toHaveAttribute("aria-invalid", "true");
  await expect(password).toHaveAccessibleDescription(/10/);
  await expect(page.getByLabel("Site name")).toHaveValue(administrator.site);
  await expect(page.getByLabel("E-mail")).toHaveValue(administrator.email);
});

// On a panel of its own: signing out ends the session that the other tests use.
test("signing out closes the door, and only the right password opens it", async ({ page, startPanel }) => {
  const panel = await startPanel();
  await setUp(page, panel);

  await open(page, `${panel.url}/me`);
  await page.getByRole("button", { name: "Sign out", exact: true }).click();
  await expect(page).toHaveURL(/\/sign-in/);
  await open(page, `${panel.url}/tools`);
  await expect(page).toHaveURL(/\/sign-in/);

  await fillSignIn(page, administrator.email, "not the password at all");
  await expect(page.getByRole("main")).toContainText("is not right");
  await expect(page).toHaveURL(/\/sign-in/);
  // Which of the two is wrong is not said: the same words for an address that nobody has.
  await fillSignIn(page, "nobody@example.test", "not the password at all");
  // The sentence stands there since the first try, and a form that works takes no other click.
  await expect(page.locator('form[aria-busy="true"]')).toHaveCount(0);
  await expect(page.getByRole("main")).toContainText("is not right");

  await fillSignIn(page, administrator.email, administrator.password);
  // Back to where the person wanted to go before the door.
  await expect(page).toHaveURL(`${panel.url}/tools`);
  await expect(frame(page)).toBeVisible();
});

test("the administrator is still there after the panel was killed", async ({ page, startPanel }) => {
  const panel = await startPanel();
  await setUp(page, panel);
  await panel.kill9();
  await panel.resume();
  await open(page, `${panel.url}/`);
  await expect(frame(page)).toBeVisible();
});
