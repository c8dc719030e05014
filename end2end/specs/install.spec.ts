import { readFileSync } from "node:fs";
import { container, containers, docker, networks, snapshot, volumes } from "../engine.ts";
import { expect, test } from "../fixtures.ts";
import { freePort } from "../panel.ts";
import { act, beginInstall, ended, entries, install, open, openLink, portField, remove, serviceRow, steps, verdict } from "../journeys.ts";

test("a static site is found in the catalogue, installed and opened", async ({ page }) => {
  const tool = "e2e-site";
  await open(page, "/catalogue");
  await page.getByRole("link", { name: "Static site" }).first().click();
  await expect(verdict(page)).toHaveText("Install Static site");

  await install(page, entries.site, { name: tool });
  await expect(steps(page)).not.toHaveCount(0);
  await expect(steps(page, "done")).toHaveCount(await steps(page).count());

  const address = await openLink(page).getAttribute("href");
  expect(address).toMatch(/^http:\/\//);
  const site = await page.context().newPage();
  await site.goto(address!);
  await expect(site.getByRole("heading", { name: "Welcome to nginx!" })).toBeVisible();

  const app = await container(tool, "app");
  expect(app.State.Status).toBe("running");
  expect(app.State.Health?.Status).toBe("healthy");
  const published = app.NetworkSettings.Ports["80/tcp"];
  expect(published?.map((port) => port.HostPort)).toContain(new URL(address!).port);
  expect(await volumes(tool)).toEqual([`${tool}_site`]);

  await remove(page, tool, "delete");
});

test("the steps of an install move while one watches, without a reload", async ({ page }) => {
  const tool = "e2e-watched";
  const loads: string[] = [];
  page.on("request", (request) => {
    if (request.isNavigationRequest() && request.frame() === page.mainFrame() && request.method() === "GET") loads.push(new URL(request.url()).pathname);
  });
  await beginInstall(page, entries.demo, { name: tool });
  const seen = new Set<number>();
  await expect
    .poll(async () => {
      seen.add(await steps(page, "done").count());
      return verdict(page).textContent();
    }, { timeout: 150_000, intervals: [100] })
    .toMatch(/is ready$/);
  expect(seen.size, `numbers of finished steps that were seen: ${[...seen].join(", ")}`).toBeGreaterThan(2);
  expect(loads.filter((path) => path.startsWith("/operations/")).length).toBeLessThanOrEqual(1);
  await remove(page, tool, "delete");
});

test("what is typed as a password stands in no address", async ({ page }) => {
  const addresses: string[] = [];
  page.on("request", (request) => addresses.push(request.url()));
  await open(page, "/catalogue/wekan");
  const planned = page.waitForRequest((request) => request.url().endsWith("/api/v1/plans") && (request.postData() ?? "").includes("hush-hush"));
  await page.locator('input[name="answers.OIDC_CLIENT_SECRET"]').evaluate((field: HTMLInputElement) => {
    field.value = "hush-hush";
    field.dispatchEvent(new Event("input", { bubbles: true }));
  });
  await planned;
  await expect.poll(() => addresses.filter((address) => address.includes("/tools/check?")).length).toBeGreaterThan(0);
  expect(addresses.filter((address) => /hush|answers/.test(address))).toEqual([]);
});

test.describe.serial("a tool with data", () => {
  const tool = "e2e-notes";
  const note = "The kettle is on the second floor.";
  let before: Awaited<ReturnType<typeof snapshot>>;
  let address = "";

  test("is installed with its database and takes a note", async ({ page }) => {
    before = await snapshot();
    await install(page, entries.demo, { name: tool });
    expect((await containers(tool)).map((each) => [each.Config.Labels["com.docker.compose.service"], each.State.Health?.Status])).toEqual([
      ["app", "healthy"],
      ["db", "healthy"],
    ]);
    address = (await openLink(page).getAttribute("href"))!;
    const kept = await page.request.post(new URL("/notes", address).href, { form: { text: note } });
    expect(kept.status()).toBe(201);
  });

  test("does not show its generated secrets in labels", async () => {
    const app = await container(tool, "app");
    const secret = app.Config.Env.find((line) => line.startsWith("DATABASE_PASSWORD="))!.split("=")[1]!;
    expect(secret.length).toBeGreaterThanOrEqual(32);
    expect(JSON.stringify(app.Config.Labels)).not.toContain(secret);
  });

  test("shows the lines that its services wrote", async ({ page }) => {
    await open(page, `/tools/${tool}/logs`);
    await expect(page.getByRole("log")).toContainText("demo 2.0.0 listens on");
    await open(page, `/tools/${tool}/logs?service=db`);
    await expect(page.getByRole("log")).toContainText("database system is ready to accept connections");
  });

  test("adds new lines to its log as they are written, each once", async ({ page }) => {
    await open(page, `/tools/${tool}/logs?service=app`);
    const log = page.getByRole("log");
    const shown = await log.locator(".log__line").allInnerTexts();
    expect(new Set(shown).size).toBe(shown.length);
    await docker("restart", "--time", "1", (await container(tool, "app")).Id);
    await expect.poll(() => log.locator(".log__line").count()).toBeGreaterThan(shown.length);
    expect((await log.locator(".log__line").allInnerTexts()).slice(0, shown.length)).toEqual(shown);
    await expect(log.getByText("listens on")).toHaveCount(2);
  });

  test("lets its log be searched and taken home", async ({ page }) => {
    await open(page, `/tools/${tool}/logs?service=db`);
    const saved = async () => {
      const [download] = await Promise.all([page.waitForEvent("download"), page.getByRole("link", { name: "Download" }).click()]);
      expect(download.suggestedFilename()).toBe(`${tool}-db.log`);
      return readFileSync(await download.path(), "utf8");
    };
    const whole = await saved();
    expect(whole).toMatch(/^\d{4}-\d\d-\d\dT\S+Z .*starting PostgreSQL/m);
    await page.getByRole("searchbox").fill("ready to accept");
    await page.keyboard.press("Enter");
    await expect(page.getByRole("log")).not.toContainText("starting PostgreSQL");
    await expect(page.getByRole("log")).toContainText("ready to accept connections");
    const found = (await saved()).trimEnd().split("\n");
    expect(found.length).toBeLessThan(whole.split("\n").length);
    for (const line of found) expect(line).toContain("ready to accept");
  });

  test("keeps its data over a restart", async ({ page }) => {
    const started = (await container(tool, "app")).State.StartedAt;
    await open(page, `/tools/${tool}`);
    await act(page, tool, "Restart");
    await expect.poll(async () => (await container(tool, "app")).State.StartedAt, { timeout: 60_000 }).not.toBe(started);
    await expect.poll(async () => (await container(tool, "app")).State.Health?.Status, { timeout: 60_000 }).toBe("healthy");
    const notes = await page.request.get(new URL("/notes", address).href);
    expect(await notes.json()).toEqual([{ text: note, version: "2.0.0" }]);
  });

  test("stops when asked and says so", async ({ page }) => {
    await open(page, `/tools/${tool}`);
    await act(page, tool, "Stop");
    await expect.poll(async () => (await containers(tool)).map((each) => each.State.Status), { timeout: 60_000 }).toEqual(["exited", "exited"]);
    await open(page, `/tools/${tool}`);
    await expect(page.getByRole("main")).toContainText("Stopped");
    await expect(page.getByRole("button", { name: "Start", exact: true })).toBeVisible();
  });

  test("stays stopped when the panel starts again", async ({ page, panel }) => {
    await panel.restart();
    await open(page, `/tools/${tool}`);
    await expect(page.getByRole("main")).toContainText("Stopped");
    expect((await containers(tool)).map((each) => each.State.Status)).toEqual(["exited", "exited"]);
  });

  test("starts again on the same address", async ({ page }) => {
    await open(page, `/tools/${tool}`);
    await page.getByRole("button", { name: "Start", exact: true }).click();
    await expect.poll(async () => (await container(tool, "app")).State.Health?.Status, { timeout: 60_000 }).toBe("healthy");
    const notes = await page.request.get(new URL("/notes", address).href);
    expect(await notes.json()).toEqual([{ text: note, version: "2.0.0" }]);
  });

  test("a container that dies is seen in the row of its service without a reload", async ({ page }) => {
    await open(page, `/tools/${tool}`);
    await expect(serviceRow(page, "app")).toContainText("Healthy");
    await docker("stop", (await container(tool, "app")).Id);
    await expect(serviceRow(page, "app")).toContainText(/Failed|Stopped|Unhealthy/);
    await expect(serviceRow(page, "app")).toContainText("Exited");
    await expect(serviceRow(page, "db")).toContainText("Healthy");
    await docker("start", (await container(tool, "app")).Id);
    await expect(serviceRow(page, "app")).toContainText("Healthy", { timeout: 60_000 });
  });

  test("is removed and its data stays", async ({ page }) => {
    await remove(page, tool, "keep");
    expect(await containers(tool)).toEqual([]);
    expect(await networks(tool)).toEqual([]);
    expect(await volumes(tool)).toEqual([`${tool}_db`]);
  });

  test("is installed again on the data that was kept", async ({ page }) => {
    await install(page, entries.demo, { name: tool });
    address = (await openLink(page).getAttribute("href"))!;
    const notes = await page.request.get(new URL("/notes", address).href);
    expect(await notes.json()).toEqual([{ text: note, version: "2.0.0" }]);
  });

  test("changes its settings after it showed what that does", async ({ page }) => {
    const plan = page.getByRole("region", { name: "The plan" });
    const database = (await container(tool, "db")).Id;
    await open(page, `/tools/${tool}/settings`);
    await expect(plan).not.toContainText("Make app");
    await page.getByLabel("Title of the page").fill("Notes of the kettle");
    await portField(page).fill(String(await freePort()));
    await expect(plan).toContainText("Make app");
    await expect(plan).not.toContainText("Make db");
    await page.getByRole("button", { name: `Change ${tool}` }).click();
    await page.waitForURL(/\/operations\//);
    await ended(page, /was changed$/);
    const before = address;
    address = (await openLink(page).getAttribute("href"))!;
    expect(address).not.toBe(before);
    expect(await (await page.request.get(address)).text()).toContain("Notes of the kettle");
    expect(await (await page.request.get(new URL("/notes", address).href)).json()).toEqual([{ text: note, version: "2.0.0" }]);
    expect((await container(tool, "db")).Id, "what did not change keeps its container").toBe(database);
  });

  test("does not lose its data to a name that is typed wrong", async ({ page }) => {
    await open(page, `/tools/${tool}/remove`);
    await page.getByRole("radio", { name: "Delete its data" }).check();
    await page.getByLabel(`Type ${tool} to confirm`).fill("e2e-other");
    await page.getByRole("button", { name: `Remove ${tool}` }).click();
    await expect(page.getByLabel(`Type ${tool} to confirm`)).toHaveAttribute("aria-invalid", "true");
    expect((await containers(tool)).map((each) => each.State.Status)).toEqual(["running", "running"]);
    expect(await volumes(tool)).toEqual([`${tool}_db`]);
  });

  test("is removed with its data, and nothing of it is left", async ({ page }) => {
    await remove(page, tool, "delete");
    const after = await snapshot();
    expect({ ...after, images: [] }).toEqual({ ...before, images: [] });
    await open(page, "/tools");
    await expect(page.getByRole("main").getByRole("link", { name: tool })).toHaveCount(0);
  });

  test("its name can be taken by another entry then", async ({ page }) => {
    await beginInstall(page, entries.solo, { name: tool });
    await ended(page, /is ready$/);
    await remove(page, tool, "delete");
  });
});
