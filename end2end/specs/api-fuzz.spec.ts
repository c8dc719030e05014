import { execFile } from "node:child_process";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { BrowserContext, TestInfo } from "@playwright/test";
import { Api } from "../api.ts";
import { expect, test } from "../fixtures.ts";
import { entries, prefix } from "../journeys.ts";
import type { Panel } from "../panel.ts";

/** Calls that would end the session that all others need, or that stream without end. */
const leftOut = "/session$|/live$";

/** Schemathesis over the API; `known` are values for parameters of paths, in place of any. */
async function fuzz(context: BrowserContext, panel: Panel, info: TestInfo, known: Record<string, string>, examples: string, leftOutToo = ""): Promise<void> {
  const program = process.env.SCHEMATHESIS;
  if (!program) throw new Error("SCHEMATHESIS is not set: start this test with end2end/api-fuzz.");
  const { cookie } = await Api.as(context, panel.url);
  // Without this a session that does not count would make every request a refusal, and the run green.
  const answer = await fetch(`${panel.url}/api/v1/session`, { headers: { cookie } });
  expect(answer.status, "the session is taken by the API").toBe(200);
  mkdirSync(info.outputPath(), { recursive: true });
  const settings = info.outputPath("schemathesis.toml");
  writeFileSync(settings, ["[parameters]", ...Object.entries(known).map(([name, value]) => `"path.${name}" = "${value}"`)].join("\n"));
  const args = [
    "--config-file", settings,
    "run",
    `${panel.url}/api/v1/openapi.json`,
    "--checks", "not_a_server_error,status_code_conformance,content_type_conformance,response_schema_conformance",
    "--exclude-path-regex", leftOut + leftOutToo,
    // Calls that lead to one another would need their own parameters.
    "--phases", "examples,coverage,fuzzing",
    "--max-examples", process.env.FUZZ_EXAMPLES ?? examples,
    "--seed", process.env.FUZZ_SEED ?? "1",
    "--header", `Cookie: ${cookie}`,
    // What a browser on the panel's own pages sends with a change.
    "--header", `Origin: ${panel.url}`,
    "--no-color",
  ];
  const { code, output } = await new Promise<{ code: number; output: string }>((resolve) => {
    // Among the results, because it leaves its cache where it stands.
    execFile(program, args, { cwd: info.outputPath(), maxBuffer: 64 * 1024 * 1024 }, (error, stdout, stderr) => {
      resolve({ code: error ? (typeof error.code === "number" ? error.code : 1) : 0, output: stdout + stderr });
    });
  });
  writeFileSync(join(info.outputPath(), "schemathesis.txt"), output);
  console.log(output.split("\n").slice(-25).join("\n"));
  expect(code, output.slice(-6000)).toBe(0);
}

test.setTimeout(900_000);

test("no request of any shape makes the API fail", async ({ context, panel }, info) => {
  await fuzz(context, panel, info, {}, "30");
});

test("nor does one about a tool and an operation that are there", async ({ context, panel }, info) => {
  const api = await Api.as(context, panel.url);
  const tool = `${prefix}fuzzed`;
  const operation = await api.install(entries.solo.id, tool);
  // To take it away would leave the rest with a tool that is not there; its own tests fuzz the body enough.
  await fuzz(context, panel, info, { tool, operation, entry: entries.solo.id, image: "app" }, "10", "|/remove|/registries|/panel|/me");
  await api.ask("GET", `/tools/${tool}`);
});
