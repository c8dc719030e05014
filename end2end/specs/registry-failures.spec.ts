import type { IncomingMessage, ServerResponse } from "node:http";
import type { Page } from "@playwright/test";
import { Api } from "../api.ts";
import { containers, docker, snapshot } from "../engine.ts";
import { expect, signedOut, test } from "../fixtures.ts";
import { beginInstall, chooseVersion, ended, entries, fillSetUp, frame, hydrated, open, steps } from "../journeys.ts";
import type { Panel } from "../panel.ts";
import { Front } from "../registry.ts";

// The panel saw the image a moment ago, when the engine asks for it the registry has changed its mind.

test.use({ storageState: signedOut });

const registry = process.env.TESTBED_PUBLIC ?? "";
const version = { tag: "1.0.0-alpine", line: "1" };

async function setUp(page: Page, panel: Panel): Promise<void> {
  await page.goto(await panel.setupLink());
  await hydrated(page);
  await fillSetUp(page);
  await expect(frame(page)).toBeVisible();
}

/** Takes away the image of a digest that an earlier test pulled. */
async function forget(digest: string): Promise<void> {
  const lines = (await docker("images", "--digests", "--no-trunc", "--format", "{{.Digest}} {{.ID}}")).split("\n");
  const ids = new Set(lines.filter((line) => line.startsWith(digest)).map((line) => line.split(" ")[1]!));
  if (ids.size > 0) await docker("rmi", "--force", ...ids);
}

const refuse = (response: ServerResponse, status: number, code: string, headers: Record<string, string> = {}) => {
  response.writeHead(status, { "content-type": "application/json", ...headers });
  response.end(JSON.stringify({ errors: [{ code, message: code.toLowerCase().replaceAll("_", " ") }] }));
};

interface Fault {
  what: string;
  cause: RegExp;
  /** The paths it concerns. */
  path: RegExp;
  answer: (front: Front, request: IncomingMessage, response: ServerResponse) => void | Promise<void>;
}

const faults: Fault[] = [
  {
    what: "has the digest no more",
    cause: /the registry does not have this image/,
    path: /\/manifests\//,
    answer: (_front, _request, response) => refuse(response, 404, "MANIFEST_UNKNOWN"),
  },
  {
    what: "asks for a password",
    cause: /the registry asked for credentials; add them under Settings → Registries/,
    path: /./,
    answer: (_front, _request, response) => refuse(response, 401, "UNAUTHORIZED", { "www-authenticate": 'Basic realm="front"' }),
  },
  {
    what: "gives layers that are not what they are called",
    cause: /verif|digest|unexpected|invalid/i,
    path: /\/blobs\//,
    answer: async (front, request, response) => {
      const body = Buffer.from(await (await front.ask(request)).arrayBuffer());
      body[body.length >> 1]! ^= 1;
      response.writeHead(200, { "content-type": "application/octet-stream", "content-length": body.length }).end(body);
    },
  },
];

test("a pull that the registry fails leaves nothing, and the page says why", async ({ page, startPanel }) => {
  test.slow();
  const front = await Front.open(registry);
  const panel = await startPanel({ SUMMONER_REGISTRY_MIRRORS: `docker.io=${front.url}` });
  await setUp(page, panel);
  const api = await Api.as(page.context(), panel.url);
  const image = (await (await api.ask("GET", `/catalog/${entries.solo.id}/versions/${version.tag}`)).json()) as { digest: string };
  for (const { what, cause, path, answer } of faults) {
    await test.step(`it ${what}`, async () => {
      await forget(image.digest);
      const before = await snapshot();
      front.own = async (url, request, response) => {
        // The panel itself is answered as before.
        if (!request.headers["user-agent"]?.startsWith("docker/") || !path.test(url.pathname)) return false;
        await answer(front, request, response);
        return true;
      };
      await beginInstall(page, entries.solo, { name: "e2e-front", version, at: panel.url });
      await ended(page, /was not installed$/);
      await expect(page.getByRole("main"), what).toContainText(cause);
      await expect(steps(page, "failed")).toHaveCount(1);
      expect(await snapshot(), what).toEqual(before);
      expect(await containers("e2e-front")).toEqual([]);
    });
  }
  await front.close();
});

test("a version without a build for this machine is refused before anything is made", async ({ page, startPanel }) => {
  const panel = await startPanel();
  await setUp(page, panel);
  const before = await snapshot();
  await open(page, `${panel.url}/catalogue/${entries.solo.id}`);
  await chooseVersion(page, "0.9.0", "0");
  await page.getByLabel("Name", { exact: true }).fill("e2e-foreign");
  await page.getByRole("button", { name: `Install ${entries.solo.title}` }).click();
  await expect(page.getByRole("alert")).toContainText(/linux\/amd64|linux\/arm64/);
  await expect(page).toHaveURL(/\/catalogue\//);
  expect(await snapshot()).toEqual(before);
});
