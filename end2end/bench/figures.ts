import { appendFileSync, mkdirSync, readFileSync, readdirSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const file = join(dirname(fileURLToPath(import.meta.url)), "../results/bench.jsonl");

/** One line of the bench: what was measured, how, and the most it may be, if there is a limit. */
export interface Figure {
  name: string;
  value: number;
  unit: "ms" | "MB" | "%" | "ratio" | "kB";
  how: string;
  limit?: number;
  runs?: number[];
}

/** Prints a figure as one line of JSON and keeps it for `cargo xtask bench`. */
export function figure(line: Figure): Figure {
  const round = (value: number) => Math.round(value * 100) / 100;
  const rounded = { ...line, value: round(line.value), ...(line.runs ? { runs: line.runs.map(round) } : {}) };
  const text = JSON.stringify(rounded);
  mkdirSync(dirname(file), { recursive: true });
  appendFileSync(file, `${text}\n`);
  console.log(text);
  return rounded;
}

/** The value that `share` of the values do not exceed; `share` from 0 to 1. */
export function quantile(values: number[], share: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  const value = sorted[Math.max(0, Math.ceil(sorted.length * share) - 1)];
  if (value === undefined) throw new Error("there are no values");
  return value;
}

export const median = (values: number[]): number => quantile(values, 0.5);

/** Milliseconds that `work` takes. */
export async function timed(work: () => Promise<unknown>): Promise<number> {
  const begin = performance.now();
  await work();
  return performance.now() - begin;
}

/** Resident memory of one process, in MB (10^6 bytes). */
export function resident(pid: number): number {
  const kilobytes = readFileSync(`/proc/${pid}/status`, "utf8").match(/^VmRSS:\s+(\d+) kB/m)?.[1];
  if (!kilobytes) throw new Error(`/proc/${pid}/status has no VmRSS`);
  return (Number(kilobytes) * 1024) / 1e6;
}

/** Processor time that a process has used, in ticks of 10 ms (USER_HZ is 100 on every Linux we run on). */
function ticks(pid: number): number {
  const fields = readFileSync(`/proc/${pid}/stat`, "utf8").replace(/^.*\) /, "").split(" ");
  return Number(fields[11]) + Number(fields[12]);
}

/** The share of one processor that processes use while `seconds` pass, in per cent. */
export async function processor(pids: number[], seconds: number): Promise<number> {
  const used = () => pids.map(ticks).reduce((sum, each) => sum + each, 0);
  const before = used();
  const begin = performance.now();
  await new Promise((done) => setTimeout(done, seconds * 1000));
  return ((used() - before) * 10 * 100) / (performance.now() - begin);
}

/** The processes below `pid`, such as those of the private database. */
export function below(pid: number): number[] {
  const parents = new Map<number, number[]>();
  for (const name of readdirSync("/proc").filter((name) => /^\d+$/.test(name))) {
    try {
      const parent = Number(readFileSync(`/proc/${name}/stat`, "utf8").replace(/^.*\) /, "").split(" ")[1]);
      parents.set(parent, [...(parents.get(parent) ?? []), Number(name)]);
    } catch (cause) {
      // A process may end between being listed and being read.
      if ((cause as NodeJS.ErrnoException).code !== "ENOENT" && (cause as NodeJS.ErrnoException).code !== "ESRCH") throw cause;
    }
  }
  const children = parents.get(pid) ?? [];
  return children.flatMap((child) => [child, ...below(child)]);
}

/** Memory of processes that share pages, each page counted once over all of them, in MB. */
export function proportional(pids: number[]): number {
  const kilobytes = pids.map((pid) => Number(readFileSync(`/proc/${pid}/smaps_rollup`, "utf8").match(/^Pss:\s+(\d+) kB/m)?.[1] ?? 0));
  return (kilobytes.reduce((sum, each) => sum + each, 0) * 1024) / 1e6;
}
