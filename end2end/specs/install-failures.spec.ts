import { once } from "node:events";
import { createServer, type AddressInfo } from "node:net";
import { containers, snapshot, volumes } from "../engine.ts";
import { expect, test } from "../fixtures.ts";
import { beginInstall, ended, entries, install, open, portField, remove, steps, verdict } from "../journeys.ts";

const broken = [
  { tag: "1.2.0", what: "never gets well", cause: /health|healthy/i, log: "demo 1.2.0 listens on" },
  { tag: "1.3.0", what: "ends at its start", cause: /ended|exit|stopped|start/i, log: 'the setting "session.store" is unknown to version 1.3.0' },
];

for (const { tag, what, cause, log } of broken) {
  test(`a tool that ${what} is taken away again, and the page says why`, async ({ page }) => {
    const tool = `e2e-broken-${tag.replaceAll(".", "")}`;
    const before = await snapshot();
    await beginInstall(page, entries.demo, { name: tool, version: { tag, line: "1" } });
    await ended(page, /was not installed$/);

    await expect(page.getByRole("main")).toContainText(cause);
    await expect(page.getByRole("main")).toContainText(log);
    await expect(steps(page, "failed")).toHaveCount(1);
    await expect(steps(page, "undone")).not.toHaveCount(0);
    expect(await snapshot()).toEqual(before);

    await open(page, "/tools");
    await expect(page.getByRole("main").getByRole("link", { name: tool })).toHaveCount(0);
  });
}

test("a slow tool is waited for", async ({ page }) => {
  const tool = "e2e-slow";
  await install(page, entries.solo, { name: tool, version: { tag: "1.1.0", line: "1" } });
  expect((await containers(tool)).map((each) => each.State.Health?.Status)).toEqual(["healthy"]);
  await remove(page, tool, "delete");
});

test("a port that is taken is refused at its field, before anything is made", async ({ page }) => {
  const other = createServer().listen(0, "127.0.0.1");
  await once(other, "listening");
  const { port } = other.address() as AddressInfo;
  const before = await snapshot();
  await open(page, `/catalogue/${entries.site.id}`);
  await page.getByLabel("Name", { exact: true }).fill("e2e-port");
  await portField(page).fill(String(port));
  await page.getByRole("button", { name: "Install Static site" }).click();
  await expect(page.getByRole("main")).toContainText(new RegExp(`port ${port}`, "i"));
  await expect(page).toHaveURL(/\/catalogue\/static-site/);
  await expect(page.getByLabel("Name", { exact: true })).toHaveValue("e2e-port");
  expect(await snapshot()).toEqual(before);
  other.close();
});

test("a name that is taken is refused at its field", async ({ page }) => {
  const tool = "e2e-twice";
  await install(page, entries.solo, { name: tool });
  await open(page, `/catalogue/${entries.site.id}`);
  await page.getByLabel("Name", { exact: true }).fill(tool);
  await page.getByRole("button", { name: "Install Static site" }).click();
  await expect(page.getByLabel("Name", { exact: true })).toHaveAttribute("aria-invalid", "true");
  expect(await containers(tool)).toHaveLength(1);
  await remove(page, tool, "delete");
});

test("stopping an install half way takes away what was made", async ({ page }) => {
  const tool = "e2e-stopped";
  const before = await snapshot();
  await beginInstall(page, entries.demo, { name: tool, version: { tag: "1.2.0", line: "1" } });
  await expect.poll(async () => (await containers(tool)).length, { timeout: 60_000 }).toBe(2);
  await page.getByRole("button", { name: /^Stop and/ }).click();
  await ended(page, /was not installed$/);
  expect(await snapshot()).toEqual(before);
});

test("an install whose panel is killed half way comes to an end by itself", async ({ page, panel }) => {
  const tool = "e2e-killed";
  const before = await snapshot();
  await beginInstall(page, entries.demo, { name: tool, version: { tag: "1.1.0", line: "1" } });
  const operation = page.url();
  await expect.poll(async () => (await containers(tool)).length, { timeout: 60_000 }).toBeGreaterThan(0);
  await panel.kill9();
  await panel.resume();

  await open(page, operation);
  await ended(page, /is ready$|was not installed$/);
  if (/is ready$/.test((await verdict(page).textContent())!)) {
    expect((await containers(tool)).map((each) => each.State.Health?.Status)).toEqual(["healthy", "healthy"]);
    await remove(page, tool, "delete");
  }
  expect(await volumes(tool)).toEqual([]);
  expect({ ...(await snapshot()), images: [] }).toEqual({ ...before, images: [] });
});
