import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { chmodSync, createWriteStream, existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, type WriteStream } from "node:fs";
import { createServer, type AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { basename, dirname, join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { fileURLToPath } from "node:url";

const here = dirname(fileURLToPath(import.meta.url));
const starting = 60_000;
const stopping = 30_000;

/** The program under test: the one that people run, never a special build. */
export function binary(): string {
  const target = process.env.CARGO_TARGET_DIR ?? join(here, "../target");
  const path = process.env.SUMMONER_BIN ?? process.env.SUMMONER_BINARY ?? join(target, "release/summoner");
  if (!existsSync(path)) throw new Error(`There is no program at ${path}. Build it, or name it with SUMMONER_BIN.`);
  return path;
}

/** A TCP port that is free now. */
export async function freePort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, "close");
  return port;
}

/** One running panel with data of its own: folder, private database, port. */
export class Panel {
  private child: ChildProcess | undefined;
  private output = "";
  private readonly log: WriteStream;

  private constructor(
    readonly url: string,
    readonly folder: string,
    private readonly environment: NodeJS.ProcessEnv,
  ) {
    const logs = join(here, "results/panels");
    mkdirSync(logs, { recursive: true });
    this.log = createWriteStream(join(logs, `${new URL(url).port}.log`), { flags: "a" });
  }

  /** Starts a panel. `settings` are variables that differ from the test bed's. */
  static async start(settings: Record<string, string> = {}): Promise<Panel> {
    const port = await freePort();
    // Short, because the socket of its database lies in it and the path of a socket must stay under 107 bytes.
    const folder = mkdtempSync(join(tmpdir(), "summoner-"));
    // Started by root, it runs its database as another user, who has to pass through.
    chmodSync(folder, 0o711);
    // It shall supervise its own database and read no settings of the machine.
    const inherited = Object.fromEntries(Object.entries(process.env).filter(([name]) => !name.startsWith("SUMMONER_") && name !== "DATABASE_URL"));
    const given = (name: string) => (process.env[name] ? { [name]: process.env[name] } : {});
    const site = process.env.SUMMONER_SITE_DIR ?? process.env.SUMMONER_SITE;
    const panel = new Panel(`http://127.0.0.1:${port}`, folder, {
      ...inherited,
      ...given("SUMMONER_REGISTRY_MIRRORS"),
      ...given("SUMMONER_CATALOG_DIR"),
      ...(site ? { SUMMONER_SITE_DIR: site } : {}),
      SUMMONER_DATA_DIR: folder,
      SUMMONER_LISTEN: `127.0.0.1:${port}`,
      // The tests and the links agree on one name: cookies of localhost are not those of 127.0.0.1.
      SUMMONER_PUBLIC_URL: `http://127.0.0.1:${port}`,
      ...settings,
    });
    try {
      await panel.run();
    } catch (cause) {
      await panel.close();
      throw cause;
    }
    return panel;
  }

  /** Milliseconds that its last stop took. */
  stopped = 0;

  /** All that it wrote so far. */
  get written(): string {
    return this.output;
  }

  /** The process that answers now. */
  get pid(): number {
    if (!this.child?.pid) throw new Error("The panel does not run.");
    return this.child.pid;
  }

  /** The link of the first run, which it prints on its terminal. */
  async setupLink(): Promise<string> {
    return this.waitFor("a set-up link", () => this.output.match(/https?:\/\/\S+\/setup\/[\w~.-]+/)?.[0]);
  }

  private async run(): Promise<void> {
    const child = spawn(binary(), ["serve"], { env: this.environment, stdio: ["ignore", "pipe", "pipe"] });
    this.child = child;
    for (const stream of [child.stdout, child.stderr]) {
      stream.setEncoding("utf8");
      stream.on("data", (text: string) => {
        this.output += text;
        this.log.write(text);
      });
    }
    await this.waitFor("an answer", async () => {
      try {
        const answer = await fetch(`${this.url}/sign-in`, { redirect: "manual" });
        await answer.arrayBuffer();
        return answer.status < 500 || undefined;
      } catch {
        return undefined;
      }
    });
  }

  private async waitFor<T>(what: string, look: () => T | undefined | Promise<T | undefined>): Promise<T> {
    const end = Date.now() + starting;
    while (Date.now() < end) {
      const found = await look();
      if (found !== undefined) return found;
      if (!this.runs()) break;
      await pause(10);
    }
    throw new Error(`The panel gave no sign of ${what}. It wrote:\n${this.output.slice(-4000)}`);
  }

  private runs(): boolean {
    return this.child !== undefined && this.child.exitCode === null && this.child.signalCode === null;
  }

  private async end(signal: NodeJS.Signals): Promise<void> {
    if (!this.child || !this.runs()) return;
    const begin = performance.now();
    const ended = once(this.child, "exit");
    this.child.kill(signal);
    const late = pause(stopping, "late", { ref: false });
    if ((await Promise.race([ended, late])) === "late") {
      this.child.kill("SIGKILL");
      await ended;
      throw new Error(`The panel did not stop within ${stopping / 1000} s of ${signal}.`);
    }
    this.stopped = performance.now() - begin;
  }

  /** Stops it as a service manager does and starts it again on the same data. */
  async restart(): Promise<void> {
    await this.end("SIGTERM");
    await this.run();
  }

  /** Ends it as a power cut does. */
  async kill9(): Promise<void> {
    await this.end("SIGKILL");
  }

  /** Starts it again after `kill9`. */
  async resume(): Promise<void> {
    await this.run();
  }

  /** Runs a statement in its private database: for what a test cannot wait for, such as an answer that grows old. */
  sql(statement: string): string {
    const socket = readdirSync(this.folder, { recursive: true, encoding: "utf8" }).find((name) => basename(name) === ".s.PGSQL.5432");
    if (!socket) throw new Error(`There is no socket of a database in ${this.folder}.`);
    const args = ["-h", dirname(join(this.folder, socket)), "-U", "summoner", "-d", "summoner", "-X", "-A", "-t", "-v", "ON_ERROR_STOP=1", "-c", statement];
    return execFileSync("psql", args, { encoding: "utf8" }).trim();
  }

  /** Stops it for good and takes its data away. */
  async close(): Promise<void> {
    try {
      await this.end("SIGTERM");
    } finally {
      this.endDatabase();
      rmSync(this.folder, { recursive: true, force: true });
      this.log.end();
    }
  }

  /** A panel that was killed may leave its private database running; nobody else would end it. */
  private endDatabase(): void {
    const files = readdirSync(this.folder, { recursive: true, encoding: "utf8" }).filter((name) => basename(name) === "postmaster.pid");
    for (const file of files.map((name) => join(this.folder, name))) {
      const id = Number(readFileSync(file, "utf8").split("\n")[0]);
      try {
        process.kill(id, "SIGINT");
      } catch (cause) {
        if ((cause as NodeJS.ErrnoException).code !== "ESRCH") throw cause;
      }
    }
  }
}
