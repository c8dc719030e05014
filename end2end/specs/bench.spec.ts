import { mkdtempSync, rmSync } from "node:fs";
import { request } from "node:http";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import type { Browser, BrowserContext } from "@playwright/test";
import { Api } from "../api.ts";
import { below, figure, median, processor, proportional, quantile, resident, timed, type Figure } from "../bench/figures.ts";
import { manyTags } from "../bench/registry.ts";
import { compose, download, given, localDemo } from "../compose.ts";
import { containers, removeProjects } from "../engine.ts";
import { expect, signedOut, test } from "../fixtures.ts";
import { fillSetUp, frame, open } from "../journeys.ts";
import { freePort, Panel } from "../panel.ts";

// The figures that PRODUCT and UX promise, on the program and bundle that people run. Not among the tests: a busy
// machine would fail them. `make bench` starts it alone, and fails where a limit is passed.

const prefix = "bench-";
// Two containers each.
const tools = 25;
const catalogue = join(dirname(fileURLToPath(import.meta.url)), "../bench/catalog");

test.use({ storageState: signedOut });
test.describe.configure({ mode: "default", timeout: 900_000, retries: 0 });
test.beforeAll(() => removeProjects(prefix));
test.afterAll(() => removeProjects(prefix));

function within(line: Figure): void {
  const { name, value, limit } = figure(line);
  if (limit !== undefined) expect.soft(value, name).toBeLessThanOrEqual(limit);
}

/** The browser of a fresh panel's administrator. */
async function signedIn(browser: Browser, panel: Panel): Promise<BrowserContext> {
  const context = await browser.newContext({ baseURL: panel.url });
  const page = await context.newPage();
  await page.goto(await panel.setupLink());
  await fillSetUp(page);
  await expect(frame(page)).toBeVisible();
  await page.close();
  return context;
}

/** One request as a browser sends it: milliseconds to the first and to the last byte, and bytes as they were sent. */
function asked(address: string, cookie: string): Promise<{ first: number; last: number; bytes: number }> {
  return new Promise((done, fail) => {
    const begin = performance.now();
    const sent = request(address, { headers: { cookie, "accept-encoding": "br", accept: "text/html" } }, (answer) => {
      const first = performance.now() - begin;
      let bytes = 0;
      answer.on("data", (chunk: Buffer) => (bytes += chunk.length));
      answer.on("error", fail);
      answer.on("end", () => {
        if (answer.statusCode === 200) done({ first, last: performance.now() - begin, bytes });
        else fail(new Error(`${address} answered ${answer.statusCode}`));
      });
    });
    sent.on("error", fail);
    sent.end();
  });
}

test("start", async ({ startPanel }) => {
  const begin = performance.now();
  const panel = await startPanel();
  await panel.setupLink();
  within({ name: "start_cold", value: performance.now() - begin, unit: "ms", limit: 10_000, how: "from exec to the first page answered, empty data folder, private database made by initdb" });
  const runs: number[] = [];
  for (let count = 0; count < 5; count += 1) runs.push(await timed(() => panel.restart()) - panel.stopped);
  within({ name: "start_warm", value: median(runs), unit: "ms", runs, limit: 10_000, how: "the same on the kept data folder, median of 5, without the stop before it" });
});

test("at rest and under load, without and with containers", async ({ browser, startPanel }) => {
  const panel = await startPanel({ SUMMONER_CATALOG_DIR: catalogue });
  const context = await signedIn(browser, panel);
  const api = await Api.as(context, panel.url);

  async function rest(count: number): Promise<void> {
    const made = count / 2;
    await new Promise((done) => setTimeout(done, 15_000));
    const how = `no page open, ${count} containers of ${made} tools of ours`;
    const database = below(panel.pid);
    within({ name: `rss_at_rest_${count}`, value: resident(panel.pid), unit: "MB", limit: 150, how: `VmRSS of the panel, ${how}` });
    within({ name: `database_pss_at_rest_${count}`, value: proportional(database), unit: "MB", how: `Pss of its ${database.length} database processes, ${how}` });
    within({ name: `cpu_at_rest_${count}`, value: await processor([panel.pid], 60), unit: "%", limit: 5, how: `of one processor over 60 s, the panel alone, ${how}` });
  }

  await rest(0);
  const runs: number[] = [];
  for (let index = 0; index < tools; index += 1) {
    runs.push(await timed(() => api.install("bench-idle", `${prefix}${index}`)));
  }
  within({ name: "install_idle", value: median(runs), unit: "ms", runs, how: `POST /tools to the end of the operation, two services with an HTTP probe each, median of ${tools}` });
  await rest(2 * tools);

  for (const [name, path, limit] of [["dashboard", "/", 22], ["catalogue", "/catalogue", 28], ["tools", "/tools", 22], ["tool", `/tools/${prefix}0`, 14]] as const) {
    for (let warm = 0; warm < 20; warm += 1) await asked(panel.url + path, api.cookie);
    const answers: Awaited<ReturnType<typeof asked>>[] = [];
    for (let count = 0; count < 200; count += 1) answers.push(await asked(panel.url + path, api.cookie));
    const how = `GET ${path} with ${tools} tools, 200 requests one after the other on loopback, Brotli`;
    within({ name: `${name}_p50`, value: quantile(answers.map(({ last }) => last), 0.5), unit: "ms", how: `${how}, to the last byte` });
    within({ name: `${name}_p95`, value: quantile(answers.map(({ last }) => last), 0.95), unit: "ms", limit: 60, how: `${how}, to the last byte` });
    within({ name: `${name}_html`, value: answers[0]!.bytes / 1000, unit: "kB", limit, how: `${how}, bytes as sent` });
  }
  within({ name: "rss_after_load", value: resident(panel.pid), unit: "MB", limit: 250, how: "VmRSS of the panel after the 880 requests above" });

  // What a person sees at first: nothing cached, then the same with the bundle from the browser's cache.
  const page = await context.newPage();
  for (const name of ["first_visit", "second_visit"]) {
    const begin = performance.now();
    await open(page, "/");
    const hydrated = performance.now() - begin;
    const paint = await page.evaluate(
      () => new Promise<number>((done) => new PerformanceObserver((list) => done(list.getEntries().at(-1)!.startTime)).observe({ type: "largest-contentful-paint", buffered: true })),
    );
    within({ name: `${name}_lcp`, value: paint, unit: "ms", limit: 1000, how: `largest contentful paint of the dashboard with ${tools} tools, Chromium on this machine, no throttling` });
    within({ name: `${name}_hydrated`, value: hydrated, unit: "ms", how: "from goto until the page answers by itself, same visit" });
  }
  await context.close();
  // What comes next is measured without them.
  await removeProjects(prefix);
});

test("the version picker with 5,000 tags", async ({ browser, startPanel }) => {
  const tags: string[] = [];
  for (let minor = 0; tags.length < 5000; minor += 1) {
    for (let patch = 0; patch < 20; patch += 1) for (const variant of ["", "-alpine", "-alpine-slim", "-perl", "-otel"]) tags.push(`1.${minor}.${patch}${variant}`);
  }
  expect(tags).toHaveLength(5000);
  const many = await manyTags(given("TESTBED_PUBLIC"), "library/nginx", tags);
  try {
    const panel = await startPanel({ SUMMONER_REGISTRY_MIRRORS: `docker.io=${many.url}` });
    const context = await signedIn(browser, panel);
    const api = await Api.as(context, panel.url);
    const page = await context.newPage();
    // The first visit reads the registry; the cache is what the promise is about.
    const cold = await timed(() => api.ask("GET", "/catalog/static-site/versions").then((answer) => answer.arrayBuffer()));
    figure({ name: "tags_5000_read", value: cold, unit: "ms", how: "GET versions with nothing cached, a registry on loopback that pages by 1,000" });
    const lists = many.lists;
    const answers: number[] = [];
    for (let count = 0; count < 50; count += 1) answers.push(await timed(() => api.ask("GET", "/catalog/static-site/versions").then((answer) => answer.arrayBuffer())));
    within({ name: "tags_5000_versions_p95", value: quantile(answers, 0.95), unit: "ms", limit: 100, how: "GET versions from the cache, 50 requests" });

    const opened: number[] = [];
    for (let count = 0; count < 10; count += 1) {
      await open(page, "/catalogue");
      opened.push(
        await page.evaluate(
          () =>
            new Promise<number>((done, fail) => {
              const link = document.querySelector<HTMLAnchorElement>('a[href="/catalogue/static-site"]');
              if (!link) return fail(new Error("the catalogue has no static site"));
              const begin = performance.now();
              const look = () => {
                const picker = document.querySelector('[role="radiogroup"]');
                if (picker && picker.getBoundingClientRect().height > 0) done(performance.now() - begin);
                else if (performance.now() - begin > 10_000) fail(new Error("no picker within 10 s"));
                else requestAnimationFrame(look);
              };
              link.click();
              requestAnimationFrame(look);
            }),
        ),
      );
    }
    within({ name: "picker_5000_opens", value: median(opened), unit: "ms", limit: 300, runs: opened, how: "click on the catalogue entry until the versions are laid out, median of 10, Chromium" });
    expect(many.lists, "the registry is not asked again").toBe(lists);

    await page.locator("summary", { hasText: "other tags" }).first().click();
    const slowest = await page.evaluate(
      () =>
        new Promise<number>((done) => {
          let last = performance.now();
          let slowest = 0;
          let frames = 0;
          const next = () => {
            const now = performance.now();
            slowest = Math.max(slowest, now - last);
            last = now;
            frames += 1;
            window.scrollBy(0, 120);
            if (frames < 120) requestAnimationFrame(next);
            else done(slowest);
          };
          requestAnimationFrame(next);
        }),
    );
    within({ name: "picker_5000_slowest_frame", value: slowest, unit: "ms", limit: 100, how: "scrolling the opened other tags by 120 px a frame, 120 frames" });
    await context.close();
  } finally {
    await many.close();
  }
});

test("an install beside docker compose", async ({ browser, startPanel }) => {
  const folder = mkdtempSync(join(tmpdir(), "summoner-bench-"));
  const panel = await startPanel(localDemo(folder));
  const context = await signedIn(browser, panel);
  const api = await Api.as(context, panel.url);
  await context.close();
  const name = `${prefix}pair`;
  const further = { ports: { web: String(await freePort()) } };

  // The first install fetches the images; both sides then find them here.
  await api.install("demo", name, further);
  await download(api, name, folder);
  await api.remove(name);

  async function composed(): Promise<void> {
    await compose(folder, "--env-file", "values.env", "up", "--detach");
    // Our install ends when every service is well, so its rival's does too.
    for (;;) {
      const states = (await containers(name)).map((each) => each.State.Health?.Status);
      if (states.length === 2 && states.every((state) => state === "healthy")) return;
      await new Promise((done) => setTimeout(done, 50));
    }
  }
  const ours: number[] = [];
  const theirs: number[] = [];
  for (let pair = 0; pair < 5; pair += 1) {
    ours.push(await timed(() => api.install("demo", name, further)));
    await api.remove(name);
    theirs.push(await timed(composed));
    await compose(folder, "--env-file", "values.env", "down", "--volumes");
  }
  rmSync(folder, { recursive: true });
  figure({ name: "install_two_services", value: median(ours), unit: "ms", runs: ours, how: "POST /tools to the end of the operation, web and PostgreSQL, images here, median of 5" });
  figure({ name: "compose_two_services", value: median(theirs), unit: "ms", runs: theirs, how: "docker compose up -d of the same tool's export until both services are healthy, median of 5" });
  within({ name: "install_to_compose", value: median(ours.map((each, index) => each / theirs[index]!)), unit: "ratio", limit: 1.5, how: "median of 5 paired runs" });
});
