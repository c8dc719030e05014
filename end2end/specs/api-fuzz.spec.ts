import { execFile } from "node:child_process";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { expect, test } from "../fixtures.ts";

/** Calls that would end the session that all others need, or that stream without end. */
const leftOut = "/session|/setup|/live|/logs/stream";

test("no request of any shape makes the API fail", async ({ panel, session }, info) => {
  test.setTimeout(900_000);
  const program = process.env.SCHEMATHESIS;
  if (!program) throw new Error("SCHEMATHESIS is not set: start this test with end2end/api-fuzz.");
  const { cookies } = JSON.parse(readFileSync(session, "utf8")) as { cookies: { name: string; value: string }[] };
  const cookie = cookies.map(({ name, value }) => `${name}=${value}`).join("; ");
  // Without this a session that does not count would make every request a refusal, and the run green.
  const known = await fetch(`${panel.url}/api/v1/session`, { headers: { cookie } });
  expect(known.status, "the session is taken by the API").toBe(200);
  const args = [
    "run",
    `${panel.url}/api/v1/openapi.json`,
    "--checks", "not_a_server_error,status_code_conformance,content_type_conformance,response_schema_conformance",
    "--exclude-path-regex", leftOut,
    "--max-examples", process.env.FUZZ_EXAMPLES ?? "30",
    "--seed", process.env.FUZZ_SEED ?? "1",
    "--header", `Cookie: ${cookie}`,
    // What a browser on the panel's own pages sends with a change.
    "--header", `Origin: ${panel.url}`,
    "--no-color",
  ];
  mkdirSync(info.outputPath(), { recursive: true });
  const { code, output } = await new Promise<{ code: number; output: string }>((resolve) => {
    // Among the results, because it leaves its cache where it stands.
    execFile(program, args, { cwd: info.outputPath(), maxBuffer: 64 * 1024 * 1024 }, (error, stdout, stderr) => {
      resolve({ code: error ? (typeof error.code === "number" ? error.code : 1) : 0, output: stdout + stderr });
    });
  });
  writeFileSync(info.outputPath("schemathesis.txt"), output);
  console.log(output.split("\n").slice(-25).join("\n"));
  expect(code, output.slice(-6000)).toBe(0);
});
