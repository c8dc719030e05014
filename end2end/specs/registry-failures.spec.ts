import type { ServerResponse } from "node:http";
import { Api } from "../api.ts";
import { containers, docker, snapshot } from "../engine.ts";
import { expect, signedOut, test } from "../fixtures.ts";
import { beginInstall, ended, entries, setUp, steps } from "../journeys.ts";
import { Front } from "../registry.ts";

// The panel saw the image a moment ago, when the engine asks for it the registry has changed its mind.

test.use({ storageState: signedOut });

const registry = process.env.TESTBED_PUBLIC ?? "";
const version = { tag: "1.0.0", line: "1" };
/** Built for another machine only. */
const foreign = { tag: "0.9.0", line: "0" };

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
  answer: (response: ServerResponse) => void;
}

const faults: Fault[] = [
  {
    what: "has the digest no more",
    cause: /the registry does not have this image/,
    path: /\/manifests\//,
    answer: (response) => refuse(response, 404, "MANIFEST_UNKNOWN"),
  },
  {
    what: "asks for a password",
    cause: /the registry asked for credentials; add them under Settings → Registries/,
    path: /./,
    answer: (response) => refuse(response, 401, "UNAUTHORIZED", { "www-authenticate": 'Basic realm="front"' }),
  },
];

test("a pull that the registry fails leaves nothing, and the page says why", async ({ page, startPanel }) => {
  test.slow();
  const front = await Front.open(registry);
  const panel = await startPanel({ SUMMONER_REGISTRY_MIRRORS: `docker.io=${front.url}` });
  await setUp(page, panel);
  const api = await Api.as(page.context(), panel.url);
  const [image] = (await (await api.ask("GET", `/catalog/${entries.solo.id}/versions/details?tags=${version.tag}`)).json()) as [{ digest: string }];
  for (const { what, cause, path, answer } of faults) {
    await test.step(`it ${what}`, async () => {
      await forget(image.digest);
      const before = await snapshot();
      front.own = (url, request, response) => {
        // The panel itself is answered as before.
        if (!request.headers["user-agent"]?.startsWith("docker/") || !path.test(url.pathname)) return false;
        answer(response);
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

test("a version without a build for this machine is refused before anything begins", async ({ page, startPanel }) => {
  const panel = await startPanel();
  await setUp(page, panel);
  const api = await Api.as(page.context(), panel.url);
  const before = await snapshot();
  for (const path of ["/plans", "/tools"]) {
    const refused = await api.ask("POST", path, { entry: entries.solo.id, name: "e2e-foreign", versions: { app: foreign.tag } }, 422);
    const { fields } = (await refused.json()) as { fields: { field: string; message: string }[] };
    expect(fields.map(({ field }) => field)).toEqual(["versions.app"]);
    expect(fields[0]!.message).toMatch(/^demo\/web:0\.9\.0 has no build for this machine \(linux\/\w+\); it is built for linux\/[\w/]+\. Choose another version\.$/);
  }
  expect(await snapshot()).toEqual(before);
});

test("a pull finds that there is no build for this machine where the registry did not tell the panel", async ({ page, startPanel }) => {
  test.slow();
  const front = await Front.open(registry);
  // The panel learns the digest, and what is behind it only the engine.
  front.own = (url, request, response) => {
    const isKept = request.headers["user-agent"]?.startsWith("docker/") || request.method === "HEAD" || !/\/manifests\//.test(url.pathname);
    if (!isKept) refuse(response, 503, "UNAVAILABLE");
    return !isKept;
  };
  const panel = await startPanel({ SUMMONER_REGISTRY_MIRRORS: `docker.io=${front.url}` });
  await setUp(page, panel);
  const before = await snapshot();
  await beginInstall(page, entries.solo, { name: "e2e-foreign", version: foreign, at: panel.url });
  await ended(page, /was not installed$/);
  await expect(page.getByRole("main")).toContainText(/there is no build for this machine \(linux\/\w+\)/);
  expect(await snapshot()).toEqual(before);
  await front.close();
});
