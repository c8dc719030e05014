import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Api } from "../api.ts";
import { compose, download, localDemo } from "../compose.ts";
import { containers, networks, volumes } from "../engine.ts";
import { expect, test } from "../fixtures.ts";
import { entries, fillSetUp, frame } from "../journeys.ts";
import { freePort } from "../panel.ts";

test("an export runs with docker compose as it is, and compose sees a tool as a project", async ({ startPanel, browser }) => {
  test.setTimeout(300_000);
  const tool = "e2e-export";
  const folder = mkdtempSync(join(tmpdir(), "summoner-export-"));
  const panel = await startPanel(localDemo(folder));
  const context = await browser.newContext({ javaScriptEnabled: false, baseURL: panel.url, storageState: { cookies: [], origins: [] } });
  const page = await context.newPage();
  await page.goto(await panel.setupLink());
  await fillSetUp(page);
  await expect(frame(page)).toBeVisible();
  const api = await Api.as(context, panel.url);
  await context.close();
  const port = await freePort();
  await api.install(entries.demo.id, tool, { versions: { app: "1.0.0" }, ports: { web: String(port) } });

  const projects = JSON.parse(await compose(folder, "ls", "--format", "json")) as { Name: string; Status: string }[];
  expect(projects.find((project) => project.Name === tool)?.Status).toBe("running(2)");
  const seen = await compose(folder, "--project-name", tool, "ps", "--format", "{{.Service}} {{.Health}}");
  expect(seen.trim().split("\n").sort()).toEqual(["app healthy", "db healthy"]);

  await download(api, tool, folder);
  await api.remove(tool);
  expect(await containers(tool)).toEqual([]);

  // As the first line of the file says it, with the names that the downloads have.
  const said = readFileSync(join(folder, "compose.yaml"), "utf8").match(/Start it with: docker compose (.*)/)?.[1] ?? "";
  expect(said).toBe("--env-file values.env up -d");
  const environment = ["--env-file", "values.env"];
  try {
    await compose(folder, ...said.split(" "), "--wait", "--wait-timeout", "120");
    const answer = await fetch(`http://127.0.0.1:${port}/`);
    expect(answer.status).toBe(200);
    expect(await answer.text()).toContain("Our notes");
    expect((await containers(tool)).map((each) => each.State.Health?.Status)).toEqual(["healthy", "healthy"]);
    expect(await volumes(tool)).toEqual([`${tool}_db`]);
  } finally {
    await compose(folder, ...environment, "down", "--volumes", "--rmi", "all");
  }
  expect([await containers(tool), await networks(tool), await volumes(tool)]).toEqual([[], [], []]);
  rmSync(folder, { recursive: true });
});
