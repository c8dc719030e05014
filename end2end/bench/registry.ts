import { once } from "node:events";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";

/**
 * The test bed's registry with many more tags of one repository: its lists are made here, everything else is asked of
 * the real one. It pages as public registries do, a hundred tags and a `Link` each.
 */
export class ManyTags {
  /** How often a list of tags was asked for. */
  lists = 0;

  private constructor(private readonly server: Server) {}

  static async open(registry: string, repository: string, tags: string[]): Promise<ManyTags> {
    const server = createServer(async (request, response) => {
      const url = new URL(request.url ?? "/", "http://registry");
      if (url.pathname === `/v2/${repository}/tags/list`) {
        many.lists += 1;
        const count = Math.min(Number(url.searchParams.get("n") ?? "100"), 1000);
        const last = url.searchParams.get("last");
        const from = last === null ? 0 : tags.indexOf(last) + 1;
        const page = tags.slice(from, from + count);
        const more = from + count < tags.length;
        response.writeHead(200, {
          "content-type": "application/json",
          ...(more ? { link: `</v2/${repository}/tags/list?n=${count}&last=${page.at(-1)}>; rel="next"` } : {}),
        });
        response.end(JSON.stringify({ name: repository, tags: page }));
        return;
      }
      try {
        const accept = request.headers.accept;
        const answer = await fetch(`http://${registry}${request.url}`, { method: request.method ?? "GET", headers: accept ? { accept } : {} });
        response.writeHead(answer.status, Object.fromEntries([...answer.headers].filter(([name]) => name !== "connection" && name !== "transfer-encoding")));
        response.end(Buffer.from(await answer.arrayBuffer()));
      } catch (cause) {
        response.writeHead(502).end(String(cause));
      }
    });
    const many = new ManyTags(server);
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
    return many;
  }

  get url(): string {
    return `http://127.0.0.1:${(this.server.address() as AddressInfo).port}`;
  }

  async close(): Promise<void> {
    this.server.close();
    this.server.closeAllConnections();
    await once(this.server, "close");
  }
}
