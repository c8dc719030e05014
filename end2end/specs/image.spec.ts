import { execFile, execFileSync } from "node:child_process";
import { copyFileSync, cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import type { Page } from "@playwright/test";
import { Api } from "../api.ts";
import { given } from "../compose.ts";
import { container as containerOf, docker, removeProjects } from "../engine.ts";
import { expect, signedOut, test } from "../fixtures.ts";
import { entries, fillSetUp, frame, install, open, openLink } from "../journeys.ts";
import { binary, freePort } from "../panel.ts";

const root = join(dirname(fileURLToPath(import.meta.url)), "../..");
const socket = "/var/run/docker.sock";
const run = promisify(execFile);

/** Builds the image as the Dockerfile says, with the program and the bundle that are there instead of its build stage. */
function build(tag: string, packages: string): string {
  const image = `summoner-testbed/panel:${tag}`;
  const environment = { ...process.env, DOCKER_BUILDKIT: "0" };
  const options = ["--network", "host", "--build-arg", `RUN_BASE=${given("TESTBED_BASE")}`, "--build-arg", `PACKAGES=${packages}`];
  const runtime = ["build", "--quiet", "--target", "runtime", "--tag", `${image}-runtime`, ...options, "-"];
  execFileSync("docker", runtime, { input: readFileSync(join(root, "Dockerfile")), env: environment, stdio: ["pipe", "ignore", "pipe"] });
  const context = mkdtempSync(join(tmpdir(), "summoner-image-"));
  mkdirSync(join(context, "out"));
  copyFileSync(binary(), join(context, "out/summoner"));
  cpSync(given("SUMMONER_SITE_DIR"), join(context, "out/site"), { recursive: true });
  writeFileSync(join(context, "Dockerfile"), `FROM ${image}-runtime\nCOPY out/ /opt/summoner/\n`);
  execFileSync("docker", ["build", "--quiet", "--tag", image, context], { env: environment, stdio: ["ignore", "ignore", "pipe"] });
  rmSync(context, { recursive: true });
  return image;
}

const state = async (container: string) => JSON.parse(await docker("inspect", "--format", "{{json .State}}", container)) as { Status: string; ExitCode: number; Health: { Status: string } };

async function log(container: string): Promise<string> {
  const { stdout, stderr } = await run("docker", ["logs", container]);
  return stdout + stderr;
}

/** Nobody special runs it, it prints a link that works, and it sees the engine through the socket. */
async function expectPanel(page: Page, container: string): Promise<void> {
  await expect.poll(async () => (await state(container)).Health.Status, { timeout: 90_000 }).toBe("healthy");
  expect(await docker("exec", container, "id", "-u")).toBe("10001");
  const link = (await log(container)).match(/https?:\/\/\S+\/setup\/[\w~.-]+/)?.[0];
  expect(link, await log(container)).toBeTruthy();
  await page.goto(link!);
  await fillSetUp(page);
  await expect(frame(page)).toBeVisible();
  await expect.poll(async () => (await page.request.get("/api/v1/engine")).text(), { timeout: 30_000 }).toContain(await docker("version", "--format", "{{.Server.Version}}"));
}

async function expectCleanStop(container: string): Promise<void> {
  const begun = Date.now();
  await docker("stop", "--time", "30", container);
  expect(Date.now() - begun, "milliseconds to stop").toBeLessThan(10_000);
  const { Status, ExitCode } = await state(container);
  expect([Status, ExitCode], await log(container)).toEqual(["exited", 0]);
}

/** From within its container, the panel finds a free port and asks the tool whether it answers. */
async function expectInstall(page: Page, url: string): Promise<void> {
  const name = "e2e-from-image";
  await install(page, entries.site, { name, at: url });
  expect((await containerOf(name, "app")).State.Health?.Status).toBe("healthy");
  await open(page, `${url}/tools/${name}`);
  await expect(page.getByRole("main")).toContainText("Healthy");
  const address = await openLink(page).getAttribute("href");
  expect((await page.request.get(address!)).status()).toBe(200);
  await (await Api.as(page.context(), url)).remove(name);
}

test.describe("the image", () => {
  test.use({ storageState: signedOut });

  test("runs as compose.yaml says it, with a database beside it", async ({ browser }) => {
    test.setTimeout(300_000);
    const port = await freePort();
    const folder = mkdtempSync(join(tmpdir(), "summoner-compose-"));
    const image = build("plain", "");
    // Only what this machine cannot have: images and registries from elsewhere, and half a minute between two checks.
    writeFileSync(
      join(folder, "override.yaml"),
      `services:
  summoner: { build: !reset null, image: "${image}", environment: { SUMMONER_REGISTRY_MIRRORS: "${given("SUMMONER_REGISTRY_MIRRORS")}" }, healthcheck: { interval: 2s } }
  database: { image: "${given("TESTBED_PUBLIC")}/library/postgres:17.11" }
`,
    );
    writeFileSync(join(folder, ".env"), `DOCKER_GROUP=${statSync(socket).gid}\nLISTEN=127.0.0.1:${port}\nPUBLIC_URL=http://127.0.0.1:${port}\n`);
    const project = "e2e-panel";
    const compose = async (...args: string[]) => {
      const files = ["--project-name", project, "--env-file", join(folder, ".env"), "-f", join(root, "compose.yaml"), "-f", join(folder, "override.yaml")];
      await run("docker", ["compose", ...files, ...args], { env: { ...process.env, DOCKER_CONFIG: given("TESTBED_COMPOSE") } });
    };
    const page = await browser.newPage({ baseURL: `http://127.0.0.1:${port}` });
    try {
      await removeProjects("e2e-from-image");
      await compose("up", "--detach", "--wait", "--wait-timeout", "120");
      const container = `${project}-summoner-1`;
      await expectPanel(page, container);
      // What it holds is kept outside, and nothing else can be written.
      expect(await docker("inspect", "--format", "{{.HostConfig.ReadonlyRootfs}} {{json .HostConfig.CapDrop}}", container)).toBe('true ["ALL"]');
      // Nothing that inspecting shows opens the database, and nobody beside the panel can reach it.
      expect(await docker("inspect", "--format", "{{json .Config.Env}}", container, `${project}-database-1`)).not.toMatch(/PASSWORD/);
      expect(await docker("inspect", "--format", "{{.HostConfig.NetworkMode}}", `${project}-database-1`)).toBe("none");
      await expectInstall(page, `http://127.0.0.1:${port}`);
      await expectCleanStop(container);
    } finally {
      await page.close();
      await removeProjects("e2e-from-image");
      await compose("down", "--volumes", "--timeout", "5");
      await docker("image", "rm", image);
      rmSync(folder, { recursive: true });
    }
  });

  test("brings its own database when PostgreSQL is in it", async ({ browser }) => {
    test.setTimeout(300_000);
    const port = await freePort();
    const [container, volume] = ["e2e-panel-alone", "e2e-panel-alone"];
    const image = build("postgresql", "postgresql");
    const page = await browser.newPage({ baseURL: `http://127.0.0.1:${port}` });
    try {
      const options = ["--group-add", String(statSync(socket).gid), "--volume", `${socket}:${socket}`, "--volume", `${volume}:/var/lib/summoner`];
      const settings = ["--network", "host", "--env", `SUMMONER_LISTEN=127.0.0.1:${port}`, "--env", `SUMMONER_PUBLIC_URL=http://127.0.0.1:${port}`, "--health-interval", "2s"];
      await docker("run", "--detach", "--name", container, ...options, ...settings, image);
      await expectPanel(page, container);
      await expectCleanStop(container);
      await docker("start", container);
      await expect.poll(async () => (await state(container)).Health.Status, { timeout: 90_000 }).toBe("healthy");
      await page.goto("/");
      await expect(frame(page), "the session outlives the container").toBeVisible();
      await expectCleanStop(container);
    } finally {
      await page.close();
      await docker("rm", "--force", "--volumes", container);
      await docker("volume", "rm", "--force", volume);
      await docker("image", "rm", image);
    }
  });
});
