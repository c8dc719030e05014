import { setTimeout as pause } from "node:timers/promises";
import { expect, type BrowserContext } from "@playwright/test";

/** The panel as a program uses it: for tests of what is beside the pages. */
export class Api {
  private constructor(
    readonly url: string,
    readonly cookie: string,
  ) {}

  /** With the session of a browser that is signed in. */
  static async as(context: BrowserContext, url: string): Promise<Api> {
    const cookies = await context.cookies(url);
    return new Api(url, cookies.map(({ name, value }) => `${name}=${value}`).join("; "));
  }

  /** Asks, and fails where the answer is not `status`. */
  async ask(method: string, path: string, body?: unknown, status = 200): Promise<Response> {
    const headers = { cookie: this.cookie, origin: this.url, "content-type": "application/json" };
    const answer = await fetch(`${this.url}/api/v1${path}`, { method, headers, body: body === undefined ? undefined : JSON.stringify(body) });
    if (answer.status !== status) throw new Error(`${method} ${path}: ${answer.status} ${await answer.text()}`);
    return answer;
  }

  /** Begins an operation and waits until it is done; gives its id. */
  async operate(path: string, body: unknown): Promise<string> {
    const begun = (await (await this.ask("POST", path, body, 202)).json()) as { operation_id: string };
    const end = Date.now() + 150_000;
    for (;;) {
      const seen = (await (await this.ask("GET", `/operations/${begun.operation_id}`)).json()) as { operation: { state: string; problem: string; ended_at: string | null } };
      if (seen.operation.ended_at !== null) {
        expect(seen.operation.state, seen.operation.problem).toBe("done");
        return begun.operation_id;
      }
      if (Date.now() > end) throw new Error(`${path} does not end: ${JSON.stringify(seen.operation)}`);
      await pause(50);
    }
  }

  async install(entry: string, name: string, further: { versions?: Record<string, string>; ports?: Record<string, string> } = {}): Promise<string> {
    return this.operate("/tools", { entry, name, ...further });
  }

  async remove(name: string): Promise<void> {
    await this.operate(`/tools/${name}/remove`, { data: "delete", confirm: name });
  }
}
