import { execFile } from "node:child_process";
import { promisify } from "node:util";
import { expect } from "@playwright/test";

const run = promisify(execFile);

/** Asks the engine itself, with the standard tool: what a page claims is checked against this. */
export async function docker(...args: string[]): Promise<string> {
  const { stdout } = await run("docker", args, { maxBuffer: 64 * 1024 * 1024 });
  return stdout.trim();
}

const lines = (text: string) => text.split("\n").filter((line) => line !== "");
const ofProject = (tool: string) => ["--filter", `label=com.docker.compose.project=${tool}`];

/** The part of `docker inspect` that tests look at. */
export interface Container {
  Id: string;
  Name: string;
  Image: string;
  State: { Status: string; ExitCode: number; StartedAt: string; Health?: { Status: string } };
  Config: { Image: string; Env: string[]; Labels: Record<string, string> };
  NetworkSettings: { Ports: Record<string, { HostIp: string; HostPort: string }[] | null> };
}

/** The containers of a tool, by service name, stopped ones included. */
export async function containers(tool: string): Promise<Container[]> {
  const ids = lines(await docker("ps", "--all", "--quiet", ...ofProject(tool)));
  if (ids.length === 0) return [];
  const found = JSON.parse(await docker("inspect", ...ids)) as Container[];
  return found.sort((a, b) => service(a).localeCompare(service(b)));
}

export const service = (container: Container) => container.Config.Labels["com.docker.compose.service"] ?? "";

/** The one container of a service; fails the test if there is none or more than one. */
export async function container(tool: string, name: string): Promise<Container> {
  const found = (await containers(tool)).filter((each) => service(each) === name);
  expect(found, `containers of ${tool}/${name}`).toHaveLength(1);
  return found[0]!;
}

export const networks = async (tool: string) => lines(await docker("network", "ls", "--format", "{{.Name}}", ...ofProject(tool))).sort();
export const volumes = async (tool: string) => lines(await docker("volume", "ls", "--format", "{{.Name}}", ...ofProject(tool))).sort();

/** Everything the engine holds, as sorted lines; two of them are equal when nothing was left and nothing was lost. */
export async function snapshot(): Promise<Record<"containers" | "networks" | "volumes" | "images", string[]>> {
  const [held, networkNames, volumeNames, images] = await Promise.all([
    docker("ps", "--all", "--no-trunc", "--format", "{{.Names}} {{.Image}} {{.State}}"),
    docker("network", "ls", "--format", "{{.Name}} {{.Driver}}"),
    docker("volume", "ls", "--format", "{{.Name}}"),
    docker("images", "--all", "--no-trunc", "--format", "{{.Repository}}:{{.Tag}}@{{.Digest}} {{.ID}}"),
  ]);
  const sorted = (text: string) => lines(text).sort();
  return { containers: sorted(held), networks: sorted(networkNames), volumes: sorted(volumeNames), images: sorted(images) };
}

/** Takes away what tests left of every tool whose name begins with `prefix`: an earlier run may have been killed. */
export async function removeProjects(prefix: string): Promise<void> {
  const label = "{{.Label \"com.docker.compose.project\"}}";
  const ours = async (kind: string[], format: string) =>
    lines(await docker(...kind, "--filter", "label=com.docker.compose.project", "--format", `${label} ${format}`))
      .filter((line) => line.startsWith(prefix))
      .map((line) => line.slice(line.indexOf(" ") + 1));
  const left = { containers: await ours(["ps", "--all"], "{{.ID}}"), networks: await ours(["network", "ls"], "{{.ID}}"), volumes: await ours(["volume", "ls"], "{{.Name}}") };
  if (left.containers.length > 0) await docker("rm", "--force", "--volumes", ...left.containers);
  if (left.networks.length > 0) await docker("network", "rm", ...left.networks);
  if (left.volumes.length > 0) await docker("volume", "rm", ...left.volumes);
}
