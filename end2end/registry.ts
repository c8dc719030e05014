import { once } from "node:events";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";

/** Stands before the test bed's registry: what a test does not answer itself is asked of the real one. */
export class Front {
  /** Answers a request itself and says so with `true`. */
  own: (url: URL, request: IncomingMessage, response: ServerResponse) => boolean = () => false;

  private constructor(
    private readonly server: Server,
    private readonly registry: string,
  ) {}

  /** `registry` is `host:port`. */
  static async open(registry: string): Promise<Front> {
    const server = createServer();
    const front = new Front(server, registry);
    server.on("request", (request: IncomingMessage, response: ServerResponse) => void front.answer(request, response));
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
    return front;
  }

  get url(): string {
    return `http://127.0.0.1:${(this.server.address() as AddressInfo).port}`;
  }

  private async answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    try {
      if (this.own(new URL(request.url ?? "/", "http://registry"), request, response)) return;
      const accept = request.headers.accept;
      const real = await fetch(`http://${this.registry}${request.url}`, { method: request.method ?? "GET", headers: accept ? { accept } : {} });
      response.writeHead(real.status, Object.fromEntries([...real.headers].filter(([name]) => name !== "connection" && name !== "transfer-encoding")));
      response.end(Buffer.from(await real.arrayBuffer()));
    } catch (cause) {
      response.writeHead(502).end(String(cause));
    }
  }

  async close(): Promise<void> {
    this.server.close();
    this.server.closeAllConnections();
    await once(this.server, "close");
  }
}
