import { execFile } from "node:child_process";
import { cpSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { promisify } from "node:util";
import type { Api } from "./api.ts";

const run = promisify(execFile);

/** A line of the test bed; `end2end/run` sets them. */
export function given(name: string): string {
  const value = process.env[name];
  if (!value) throw new Error(`${name} is not set: start the tests with end2end/run.`);
  return value;
}

/** Docker's own command line with Compose in it; only what a person would type. */
export async function compose(folder: string, ...args: string[]): Promise<string> {
  const env = { ...process.env, DOCKER_CONFIG: given("TESTBED_COMPOSE") };
  const { stdout } = await run("docker", ["compose", ...args], { cwd: folder, env });
  return stdout;
}

/** Settings of a panel whose demo entry names the registry that stands in for the public one: Compose pulls by the names in the file. */
export function localDemo(folder: string): Record<string, string> {
  const registry = given("TESTBED_PUBLIC");
  const entry = join(folder, "catalog/demo");
  cpSync(join(given("SUMMONER_CATALOG_DIR"), "demo"), entry, { recursive: true });
  const original = readFileSync(join(entry, "compose.yaml"), "utf8");
  const local = original.replace("image: demo/web:", `image: ${registry}/demo/web:`).replace("image: postgres:", `image: ${registry}/library/postgres:`);
  if (local.split(registry).length !== 3) throw new Error("the demo entry has no longer two images of these names");
  writeFileSync(join(entry, "compose.yaml"), local);
  return { SUMMONER_CATALOG_DIR: join(folder, "catalog"), SUMMONER_INSECURE_REGISTRIES: registry };
}

/** Downloads a tool's export into `folder`, under the names that a browser gives the files. */
export async function download(api: Api, tool: string, folder: string): Promise<void> {
  for (const file of ["compose.yaml", "values.env"]) {
    writeFileSync(join(folder, file), await (await api.ask("GET", `/tools/${tool}/export/${file}`)).text());
  }
}
