import { mkdirSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import type { FullConfig, Reporter, Suite } from "@playwright/test/reporter";

/** Writes `results/summary.txt`, one line `N passed, N failed`: what scripts read. A skipped test counts as failed. */
export default class Summary implements Reporter {
  private suite: Suite | undefined;

  onBegin(_config: FullConfig, suite: Suite) {
    this.suite = suite;
  }

  onEnd() {
    const tests = this.suite?.allTests() ?? [];
    // `ok()` also holds for a test that never ran because one before it failed.
    const passed = tests.filter((test) => test.ok() && test.results.some((run) => run.status === "passed")).length;
    const file = join(dirname(fileURLToPath(import.meta.url)), "results/summary.txt");
    mkdirSync(dirname(file), { recursive: true });
    const line = `${passed} passed, ${tests.length - passed} failed`;
    writeFileSync(file, `${line}\n`);
    console.log(line);
  }
}
