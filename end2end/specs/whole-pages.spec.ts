import { readFileSync } from "node:fs";
import { get } from "node:http";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { Api } from "../api.ts";
import { expect, test } from "../fixtures.ts";
import { entries, prefix } from "../journeys.ts";

/** What the server itself gives, before any script runs: asked for as a program does. */

const routes = join(dirname(fileURLToPath(import.meta.url)), "../../app/src/routes.rs");
const nobody = "00000000-0000-7000-8000-000000000000";
const tool = `${prefix}whole`;

/** For every route of the table: addresses with the status that they really have. */
function expected(operation: string): Record<string, [path: string, status: number][]> {
  return {
    "/": [["/", 200], ["/?to=nowhere", 200]],
    "/sign-in": [["/sign-in", 200]],
    "/setup": [["/setup", 200]],
    "/tools": [["/tools", 200]],
    "/tools/:tool": [[`/tools/${tool}`, 200], [`/tools/${tool}?do=stop`, 200], ["/tools/none", 404], ["/tools/%00", 404], ["/tools/..%2f..%2fetc", 404]],
    "/tools/:tool/settings": [[`/tools/${tool}/settings`, 200], ["/tools/none/settings", 404]],
    "/tools/:tool/remove": [[`/tools/${tool}/remove`, 200], ["/tools/none/remove", 404]],
    "/tools/:tool/first-login": [[`/tools/${tool}/first-login`, 200], ["/tools/none/first-login", 404]],
    "/tools/:tool/logs": [[`/tools/${tool}/logs`, 200], ["/tools/none/logs", 404]],
    "/catalogue": [["/catalogue", 200], ["/catalogue?q=%F0%9F%98%80", 200]],
    "/catalogue/:entry": [[`/catalogue/${entries.demo.id}`, 200], ["/catalogue/none", 404]],
    "/operations/:operation": [[operation, 200], [`/operations/${nobody}`, 404], ["/operations/none", 404]],
    "/me": [["/me", 200]],
    "/activity": [["/activity", 200]],
    "/search": [["/search", 200], ["/search?q=%3Cscript%3E", 200]],
    "/settings": [["/settings", 200]],
    "/settings/registries": [["/settings/registries", 200], ["/settings/registries?remove=none", 200]],
    "": [["/there/is/nothing", 404], ["/tools/none/there", 404]],
  };
}

/** The share of a page in the budget of the first load (xtask/src/budget.rs). */
const largest = Number(readFileSync(join(dirname(routes), "../../xtask/src/budget.rs"), "utf8").match(/const HTML: u64 = ([\d_]+);/)![1]!.replace("_", ""));

/** Bytes of a page as browsers get it, compressed. */
function transferred(address: string, cookie: string): Promise<number> {
  return new Promise((done, failed) => {
    get(address, { headers: { cookie, "accept-encoding": "br" } }, (answer) => {
      expect.soft(answer.headers["content-encoding"], address).toBe("br");
      let bytes = 0;
      answer.on("data", (piece: Buffer) => (bytes += piece.length));
      answer.on("end", () => done(bytes));
    }).on("error", failed);
  });
}

test("every route gives its whole page with its true status", async ({ context, panel }) => {
  const api = await Api.as(context, panel.url);
  const pages = expected(`/operations/${await api.install(entries.solo.id, tool)}`);
  const table = [...readFileSync(routes, "utf8").matchAll(/path!\("([^"]+)"\)/g)].map((found) => found[1]!);
  expect(table.length).toBeGreaterThan(10);
  expect(table.filter((route) => !(route in pages)), "routes that this test does not know").toEqual([]);

  const signedOut: string[] = [];
  for (const [route, addresses] of Object.entries(pages)) {
    for (const [path, status] of addresses) {
      const answer = await fetch(panel.url + path, { headers: { cookie: api.cookie }, redirect: "manual" });
      const html = await answer.text();
      expect.soft(answer.status, `${path}\n${html.slice(0, 2000)}`).toBe(status);
      expect.soft(answer.headers.get("content-type"), path).toMatch(/^text\/html\b/);
      expect.soft(html.trimStart(), path).toMatch(/^<!doctype html>/i);
      // What scripts need of the page's data stands behind its end, and is no part of what is shown.
      const shown = html.replace(/<script[^>]*>.*?<\/script>|<!(--.*?--)?>/gs, "").trimEnd();
      expect.soft(shown, path).toContain("</main>");
      expect.soft(shown.slice(-400), path).toMatch(/<\/body><\/html>$/);
      expect.soft(html, path).toMatch(/<title>[^<]+<\/title>/);
      expect.soft(shown.match(/<h1[ >]/g), path).toHaveLength(1);
      expect.soft(shown.match(/<main[ >]/g), path).toHaveLength(1);
      // A placeholder in its place would be a page that only scripts finish.
      expect.soft(shown, path).not.toMatch(/aria-busy="true"|Loading…/);
      if (status === 200) expect.soft(await transferred(panel.url + path, api.cookie), `compressed bytes of ${path}`).toBeLessThanOrEqual(largest);
    }
    // Without a session nothing of a page shows, not even whether the thing is there.
    if (["/sign-in", "/setup", ""].includes(route)) continue;
    const answer = await fetch(panel.url + addresses[0]![0], { redirect: "manual" });
    if (answer.status !== 303 || !answer.headers.get("location")?.startsWith("/sign-in")) signedOut.push(`${route}: ${answer.status}`);
  }
  expect(signedOut, "pages that do not ask to sign in").toEqual([]);
  await api.remove(tool);
});
