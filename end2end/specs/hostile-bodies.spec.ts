import { execFile } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "../fixtures.ts";

/** Bodies that no honest client sends, to every call that takes one. */

const json = "application/json";
const form = "application/x-www-form-urlencoded";
const mebibyte = 1 << 20;

interface Hostile {
  what: string;
  type: string;
  body: Buffer;
  status: number[];
  /** Whether its length is told beforehand. */
  chunked?: boolean;
}

const deep = (open: string, inside: string, close: string) => Buffer.from(open.repeat(100_000) + inside + close.repeat(100_000));
const huge = Buffer.alloc(100 * mebibyte, 0x20);

const every: Hostile[] = [
  { what: "a text", type: "text/plain", body: Buffer.from("hello"), status: [415] },
  { what: "no type", type: "", body: Buffer.from("{}"), status: [415] },
  { what: "a type of 4 KiB", type: "a".repeat(4096), body: Buffer.from("{}"), status: [415] },
  { what: "half an object", type: json, body: Buffer.from('{"name": "wik'), status: [400] },
  { what: "a list", type: json, body: Buffer.from("[]"), status: [400] },
  { what: "nothing", type: json, body: Buffer.from("null"), status: [400] },
  { what: "no body", type: json, body: Buffer.alloc(0), status: [400] },
  { what: "bytes", type: json, body: Buffer.from([0x7b, 0xff, 0xfe, 0x00, 0x7d]), status: [400] },
  { what: "members of the wrong shape", type: json, body: Buffer.from('{"entry": 1, "name": [], "ports": "x", "answers": 5, "data": {}, "email": {}, "token": []}'), status: [400, 422] },
  { what: "texts with NUL", type: json, body: Buffer.from('{"name": "a\\u0000b", "email": "\\u0000", "password": "\\u0000", "entry": "\\u0000"}'), status: [400] },
  { what: "a form with NUL", type: form, body: Buffer.from("name=a%00b&email=%00&password=%00&username=%00"), status: [400] },
  { what: "deep lists", type: json, body: deep('{"answers":', "1", "}").subarray(0, 250_000), status: [400] },
  { what: "deep lists in a known place", type: json, body: Buffer.from(`{"entry": ${"[".repeat(50_000)}`), status: [400] },
  { what: "a form that is no text", type: form, body: Buffer.from([0x61, 0x3d, 0xff, 0x26, 0x25]), status: [400, 401, 403, 404, 422] },
  { what: "a form of 60000 fields", type: form, body: Buffer.from("a.b=&".repeat(50_000)), status: [400, 401, 403, 404, 422] },
  { what: "300 KiB of JSON", type: json, body: Buffer.from(`{"name": "${"x".repeat(300 * 1024)}"}`), status: [413] },
];

/** The largest ones go to one call: what reads them is the same everywhere. */
const large: Hostile[] = [
  { what: "100 MiB", type: json, body: huge, status: [413] },
  { what: "100 MiB of unknown length", type: json, body: huge, status: [413], chunked: true },
  { what: "a form of 100 MiB", type: form, body: huge, status: [413] },
];

function residentBytes(process: number): number {
  const line = readFileSync(`/proc/${process}/status`, "utf8").match(/^VmRSS:\s+(\d+) kB$/m);
  return Number(line?.[1]) * 1024;
}

test("no body is too wild for a clear answer", async ({ panel, session }) => {
  test.setTimeout(300_000);
  const { cookies } = JSON.parse(readFileSync(session, "utf8")) as { cookies: { name: string; value: string }[] };
  const cookie = cookies.map(({ name, value }) => `${name}=${value}`).join("; ");
  const folder = mkdtempSync(join(tmpdir(), "summoner-bodies-"));
  const file = join(folder, "body");

  const send = async (method: string, path: string, { type, body, chunked }: Hostile) => {
    writeFileSync(file, body);
    // Programs of its kind go on sending while they read the answer; that the connection closes then is no failure.
    const args = ["-sS", "-m", "20", "-X", method, "--data-binary", `@${file}`, "-H", `Cookie: ${cookie}`, "-H", `Origin: ${panel.url}`, "-H", `Content-Type: ${type}`, "-H", "Expect:"];
    if (chunked) args.push("-H", "Transfer-Encoding: chunked");
    const begun = performance.now();
    const output = await new Promise<string>((resolve) => {
      execFile("curl", [...args, "-w", "\n%{http_code} %{content_type}", panel.url + path], { maxBuffer: 16 * mebibyte }, (_, stdout) => resolve(stdout));
    });
    const end = output.lastIndexOf("\n");
    const [status, kind] = output.slice(end + 1).split(" ");
    return { status: Number(status), kind, text: output.slice(0, end), milliseconds: performance.now() - begun };
  };

  interface Document { paths: Record<string, Record<string, { requestBody?: unknown }>> }
  const document = (await (await fetch(`${panel.url}/api/v1/openapi.json`)).json()) as Document;
  const calls = Object.entries(document.paths).flatMap(([path, methods]) =>
    Object.entries(methods).filter(([, call]) => call.requestBody).map(([method]) => ({ method: method.toUpperCase(), path: path.replace(/\{[^}]+\}/g, "none") })),
  );
  expect(calls.length).toBeGreaterThan(5);

  const before = residentBytes(panel.pid);
  const wrong: string[] = [];
  const judge = async (method: string, path: string, hostile: Hostile) => {
    const { status, kind, text, milliseconds } = await send(method, path, hostile);
    const said = `${method} ${path} with ${hostile.what}: ${status} ${kind} after ${Math.round(milliseconds)} ms: ${text.slice(0, 200)}`;
    let problem: { status?: number; code?: string; detail?: string } = {};
    try {
      problem = JSON.parse(text) as typeof problem;
    } catch {
      // Found below.
    }
    const isProblem = kind === "application/problem+json" && problem.status === status && Boolean(problem.code) && Boolean(problem.detail);
    if (!hostile.status.includes(status) || !isProblem || milliseconds > 5000) wrong.push(said);
  };
  for (const { method, path } of calls) {
    for (const hostile of every) await judge(method, path, hostile);
  }
  for (const hostile of large) await judge("POST", "/api/v1/tools", hostile);
  expect(wrong).toEqual([]);
  const grown = residentBytes(panel.pid) - before;
  expect(grown / mebibyte, "MiB that the panel has grown by").toBeLessThan(64);
  rmSync(folder, { recursive: true });
});
