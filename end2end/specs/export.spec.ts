import { execFile } from "node:child_process";
import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { Api } from "../api.ts";
import { containers, networks, volumes } from "../engine.ts";
import { expect, test } from "../fixtures.ts";
import { entries, fillSetUp, frame } from "../journeys.ts";
import { freePort } from "../panel.ts";

const run = promisify(execFile);

function given(name: string): string {
  const value = process.env[name];
  if (!value) throw new Error(`${name} is not set: start the tests with end2end/run.`);
  return value;
}

/** Docker's own command line with Compose in it; only what a person would type. */
async function compose(folder: string, ...args: string[]): Promise<string> {
  const env = { ...process.env, DOCKER_CONFIG: given("TESTBED_COMPOSE") };
  const { stdout } = await run("docker", ["compose", ...args], { cwd: folder, env });
  return stdout;
}

test("an export runs with docker compose as it is, and compose sees a tool as a project", async ({ startPanel, browser }) => {
  test.setTimeout(300_000);
  const tool = "e2e-export";
  const folder = mkdtempSync(join(tmpdir(), "summoner-export-"));
  const registry = given("TESTBED_PUBLIC");
  // Compose pulls by the names in the file, so the entry names the registry that stands in for the public one.
  const entry = join(folder, "catalog/demo");
  cpSync(join(given("SUMMONER_CATALOG_DIR"), "demo"), entry, { recursive: true });
  const original = readFileSync(join(entry, "compose.yaml"), "utf8");
  const local = original.replace("image: demo/web:", `image: ${registry}/demo/web:`).replace("image: postgres:", `image: ${registry}/library/postgres:`);
  expect(local.split(registry)).toHaveLength(3);
  writeFileSync(join(entry, "compose.yaml"), local);

  const panel = await startPanel({ SUMMONER_CATALOG_DIR: join(folder, "catalog"), SUMMONER_INSECURE_REGISTRIES: registry });
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

  const download = async (file: string) => writeFileSync(join(folder, file), await (await api.ask("GET", `/tools/${tool}/export/${file}`)).text());
  await download("compose.yaml");
  await download("values.env");
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
